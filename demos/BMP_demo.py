"""The loop on one image: everybody's box, mask and pose.

    python demos/BMP_demo.py --image IMAGE --device cpu --config BMP_D3
    python demos/BMP_demo.py --config bmp_demo

Writes drawings of poses, of masks, of both and of the turns into outputs/NAME_OF_THE_IMAGE/.
bmp_demo needs no download. For folders, JSON and more there is `bmp predict`.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works uninstalled, from anywhere

from bmp.cli import guarded
from bmp.demo.one_image import image_parser, output_folder


def find_people(args: argparse.Namespace) -> int:
    """Run the loop, write the drawings."""
    out = output_folder(args)

    from bboxmaskpose import BBoxMaskPose
    from bmp.visualization import loop_pictures, panel
    from mmpose.files import write_image
    from mmpose.inputs import read_image

    image = read_image(args.image)
    loop = BBoxMaskPose(args.config, device=args.device)
    result = loop.predict(image, return_intermediates=True)
    print(result)
    for kind, name in (("pose", "bmp_pose"), ("mask", "bmp_mask"), ("all", "bmp")):
        path = out / f"{args.image.stem}_{name}.jpg"
        loop.visualize(image, result, path, vis_type=kind)
        print(path)
    print(write_image(out / f"{args.image.stem}_turns.jpg", panel(loop_pictures(image, result))))
    return 0


def main() -> int:
    parser = image_parser(__doc__)
    parser.add_argument(
        "--config", default="bmp_v2", help="a preset (bmp_v2, BMP_D3, BMP_J1, bmp_demo) or a path"
    )
    args = parser.parse_args()
    return guarded(lambda: find_people(args))


if __name__ == "__main__":
    sys.exit(main())
