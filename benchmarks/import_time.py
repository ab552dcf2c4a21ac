"""Importing mmpose and building PMPose-s, beyond importing torch; each in a fresh process.

Seconds are those of the processor, which other programs on the machine change little.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median

from reporting import print_table

ROOT = Path(__file__).resolve().parents[1]
CLOCK = "import time; start = time.process_time()\n"
PRINT = "\nprint(time.process_time() - start)"
BASELINE = "import torch"
CASES = {
    "import mmpose": "import mmpose",
    "import mmpose.apis": "import mmpose.apis",
    "build PMPose-s": (
        "from mmpose.apis import init_model\n"
        "init_model('configs/PMPose/PMPose-s-1.0.0.py')\n"
        "import sys; assert 'mmdet' not in sys.modules, 'mmdet was imported'"
    ),
}


def run_seconds(code: str, repeats: int) -> float:
    """Median processor time of a program, seconds, without the start of the interpreter."""
    times = []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-c", CLOCK + code + PRINT],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stderr)
        times.append(float(done.stdout.split()[-1]))
    return median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    baseline = run_seconds(BASELINE, args.repeats)
    rows = [[BASELINE, baseline, 0.0, 1.0]]
    for name, code in CASES.items():
        seconds = run_seconds(code, args.repeats)
        rows.append([name, seconds, seconds - baseline, seconds / baseline])
    print_table(
        "Import and build, median of fresh processes; baseline: import torch; mmdet not imported",
        ["program", "CPU seconds", "beyond torch, s", "times the baseline"],
        rows,
    )


if __name__ == "__main__":
    main()
