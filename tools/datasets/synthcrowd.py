"""Render the SynthCrowd data sets: without arguments both standard splits."""

import argparse
import sys
from pathlib import Path

import cv2

from bmp.synthcrowd import SceneSettings, contact_sheet, render_scene, write_dataset
from mmpose.project import PROJECT_ROOT

SPLITS = {"train": (3000, 1), "val": (200, 2)}  # number of images, seed


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="folder of one set; default: both standard sets")
    parser.add_argument("--num-images", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--crowding", type=float, help="0 lone people ... 1 OCHuman-like")
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--max-people", type=int, default=7)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--contact-sheet", type=Path, help="write a picture of 16 scenes instead")
    parser.add_argument("--plain", action="store_true", help="no annotations on the sheet")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cv2.setNumThreads(1)
    settings = SceneSettings(
        args.width, args.height, crowding=args.crowding, max_people=args.max_people
    )
    if args.contact_sheet:
        scenes = [render_scene((args.seed, n), settings) for n in range(1, 17)]
        cv2.imwrite(str(args.contact_sheet), contact_sheet(scenes, annotated=not args.plain))
        print(f"wrote {args.contact_sheet}")
        return
    sets = [(args.out, args.num_images, args.seed)]
    if args.out is None:
        root = PROJECT_ROOT / "datasets" / "synthcrowd"
        sets = [(root / name, *numbers) for name, numbers in SPLITS.items()]
    for out, num_images, seed in sets:
        path = write_dataset(out, num_images, seed, settings, workers=args.workers)
        print(f"{num_images} images: {path}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"synthcrowd: {error}")
