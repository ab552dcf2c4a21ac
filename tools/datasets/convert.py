"""Annotations of other tools as one COCO file of people, with masks, and joints by name.

    python tools/datasets/convert.py project.json --out datasets/mine/annotations.json
    python tools/datasets/convert.py yolo_folder --out mine.json --joint-names nose left_eye ...
    python tools/datasets/convert.py crowd-LM-2026-11-28 --out mine.json --pictures 30

Read are YOLO-pose and YOLO-seg folders, Label Studio's own JSON, CVAT for images 1.1, datumaro's
JSON, DeepLabCut projects, and SLEAP files (pip install -e '.[interop]'). COCO files of any tool
need no conversion. What was odd is printed. Pictures of converted people go to OUT_pictures, those
with something odd first; `bmp data check OUT` then names the faults of the file.
"""

import argparse
from pathlib import Path

from bmp.import_pictures import write_import_pictures
from mmpose.datasets.importing.convert import FORMATS, convert, report_lines
from mmpose.datasets.importing.people import Imported, ReadOptions
from mmpose.engine.tools import run_tool
from mmpose.errors import check_file_writable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments, for this script and for ``bmp data convert``."""
    parser.add_argument("path", type=Path, help="file or folder that a tool wrote")
    parser.add_argument("--out", type=Path, required=True, help="COCO file to write")
    parser.add_argument("--format", choices=FORMATS, help="found by the path if left out")
    parser.add_argument("--images", type=Path, help="folder of the images")
    parser.add_argument(
        "--joint-names", nargs="+", help="in their order, where the format has none"
    )
    parser.add_argument("--labels", nargs="+", help="names that are people, such as player referee")
    parser.add_argument(
        "--pictures",
        type=int,
        default=8,
        metavar="N",
        help="at most (default: %(default)s; 0: none)",
    )


def make_parser() -> argparse.ArgumentParser:
    """The arguments, for ``bmp completion`` too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    return parser


def main() -> None:
    args = make_parser().parse_args()
    options = ReadOptions(
        args.images,
        tuple(args.joint_names) if args.joint_names else None,
        tuple(args.labels) if args.labels else None,
    )
    check_file_writable(args.out)
    imported = convert(args.path, args.out, options, args.format)
    print(*report_lines(imported, args.out), sep="\n")
    if args.pictures > 0:
        show_pictures(args, imported)


def show_pictures(args: argparse.Namespace, imported: Imported) -> None:
    """Draw some, or say why not: the file is written all the same."""
    near = args.images or args.path
    try:
        drawn = write_import_pictures(args.out, imported, near, num=args.pictures)
    except FileNotFoundError as error:
        print(error)
        return
    for path, told in drawn:
        print(f"{path}: {told}")


if __name__ == "__main__":
    run_tool(main)
