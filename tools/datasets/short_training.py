"""Write what a short training takes: 140 rendered crowds, and weights to start from.

    python tools/datasets/short_training.py

The weights are the shipped MaskPose with a last layer of random numbers.
configs/demo/maskpose_lite0_short-training.py trains on the crowds in a minute or two.
"""

from bmp.demo.short_training import DATA_FOLDER, SPLITS, renew_last_layer
from bmp.locations import PROJECT_ROOT
from bmp.synthcrowd import write_dataset
from mmpose.engine.tools import run_tool

START = PROJECT_ROOT / "work_dirs" / "short_training" / "start.safetensors"


def main() -> None:
    for name, (num_images, seed) in SPLITS.items():
        write_dataset(DATA_FOLDER / name, num_images, seed)
    START.parent.mkdir(parents=True, exist_ok=True)
    print(f"wrote {', '.join(SPLITS)} in {DATA_FOLDER} and {renew_last_layer(START)}")


if __name__ == "__main__":
    run_tool(main)
