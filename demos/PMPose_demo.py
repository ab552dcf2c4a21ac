"""Poses of people in an image, from their boxes.

    python demos/PMPose_demo.py --image IMAGE --device cpu
    python demos/PMPose_demo.py --variant PMPose-demo --bboxes "266,105,420,441;403,188,528,480"

Writes a drawing and the numbers into outputs/NAME_OF_THE_IMAGE/. Without --bboxes the whole image
is one box. PMPose-demo needs no download.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works uninstalled, from anywhere

from bmp.cli import guarded
from bmp.demo.one_image import image_parser, output_folder


def read_boxes(text: str) -> list[list[float]]:
    """Boxes of ``x1,y1,x2,y2;...``, pixels.

    Raises:
        ValueError: something is no box.
    """
    boxes = [[part.strip() for part in box.split(",")] for box in text.split(";") if box.strip()]
    try:
        numbers = [[float(part) for part in box] for box in boxes]
    except ValueError:
        numbers = []
    if not numbers or any(len(box) != 4 for box in numbers):
        raise ValueError(f"--bboxes must be 'x1,y1,x2,y2;...' in pixels, got {text!r}")
    return numbers


def pose_image(args: argparse.Namespace) -> int:
    """Pose the people, write ``NAME_pmpose.jpg`` and ``NAME_keypoints.json``."""
    boxes = read_boxes(args.bboxes) if args.bboxes else None
    out = output_folder(args)

    from mmpose.files import write_json
    from mmpose.inputs import read_image
    from pmpose import PMPose

    image = read_image(args.image)
    height, width = image.shape[:2]
    boxes = boxes or [[0, 0, width, height]]
    model = PMPose(device=args.device, variant=args.variant, from_pretrained=True)
    keypoints, presence, visibility, _ = model.predict(image, boxes)
    drawing = out / f"{args.image.stem}_pmpose.jpg"
    model.visualize(image, keypoints, save_path=drawing)
    numbers = out / f"{args.image.stem}_keypoints.json"
    arrays = {"keypoints": keypoints, "presence": presence, "visibility": visibility}
    write_json(numbers, {"bboxes": boxes} | {name: a.tolist() for name, a in arrays.items()})
    print(drawing, numbers, sep="\n")
    return 0


def main() -> int:
    parser = image_parser(__doc__)
    parser.add_argument("--bboxes", help="'x1,y1,x2,y2;...' in pixels")
    parser.add_argument("--variant", default="PMPose-b", help="PMPose-{s,b,l,h}, PMPose-demo, ...")
    args = parser.parse_args()
    return guarded(lambda: pose_image(args))


if __name__ == "__main__":
    sys.exit(main())
