"""What `make demo` runs: rendered crowds, the loop, one table, images, a short training.

python demos/demo.py [--num-images N] [--train-steps N] [--out DIR]

A GPU is used where there is one; CUDA_VISIBLE_DEVICES="" keeps it on the CPU.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works uninstalled, from anywhere

from bmp.cli import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
