"""Write what configs/ablations/mask_noise_training.py starts from.

    python tools/datasets/ablation_start.py

Rendered crowds of the short training, and the shipped MaskPose with a last layer of random numbers.
"""

from bmp.demo.short_training import DATA_FOLDER, SPLITS, renew_last_layer
from bmp.locations import PROJECT_ROOT
from bmp.synthcrowd import write_dataset
from mmpose.engine.tools import run_tool

START = PROJECT_ROOT / "work_dirs" / "ablation_start" / "start.safetensors"


def main() -> None:
    for name, (num_images, seed) in SPLITS.items():
        write_dataset(DATA_FOLDER / name, num_images, seed)
    START.parent.mkdir(parents=True, exist_ok=True)
    print(f"wrote {', '.join(SPLITS)} in {DATA_FOLDER} and {renew_last_layer(START)}")


if __name__ == "__main__":
    run_tool(main)
