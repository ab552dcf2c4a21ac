"""The loop on one image: everybody's box, mask and pose.

    python demos/BMP_demo.py --image IMAGE --device cpu --config BMP_D3
    python demos/BMP_demo.py --config bmp_demo

Writes drawings of poses, of masks, of both and of the turns into outputs/NAME_OF_THE_IMAGE/.
bmp_demo needs no download. For folders, JSON and more there is `bmp predict`.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # works uninstalled, from anywhere

from bmp.cli import guarded  # noqa: E402
from mmpose.errors import check_writable  # noqa: E402

IMAGE = ROOT / "demos" / "photos" / "000000001000.jpg"


def find_people(args: argparse.Namespace) -> int:
    """Run the loop, write the drawings."""
    out = (args.output or ROOT / "outputs") / args.image.stem
    check_writable(out)

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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, default=IMAGE, help="an image file")
    parser.add_argument("--output", type=Path, help="folder, outputs/ of the project by default")
    parser.add_argument("--device", help="cpu, cuda, ...; a GPU if there is one")
    parser.add_argument(
        "--config", default="bmp_v2", help="a preset (bmp_v2, BMP_D3, BMP_J1, bmp_demo) or a path"
    )
    args = parser.parse_args()
    return guarded(lambda: find_people(args))


if __name__ == "__main__":
    sys.exit(main())
