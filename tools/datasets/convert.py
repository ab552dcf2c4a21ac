"""Annotations of other tools as one COCO file of people, with masks, and joints by name.

    python tools/datasets/convert.py project.json --out datasets/mine/annotations.json
    python tools/datasets/convert.py yolo_folder --out mine.json --joint-names nose left_eye ...

Read are YOLO-pose and YOLO-seg folders, Label Studio's own JSON, CVAT for images 1.1, datumaro's
JSON, SLEAP files and DeepLabCut projects (pip install -e '.[interop]'). COCO files of any tool need
no conversion. What was odd is printed; `bmp data check` then shows examples.
"""

import argparse
from pathlib import Path

from mmpose.datasets.importing.convert import FORMATS, convert, report_lines
from mmpose.datasets.importing.people import ReadOptions
from mmpose.engine.tools import run_tool


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    args = parser.parse_args()
    options = ReadOptions(
        args.images,
        tuple(args.joint_names) if args.joint_names else None,
        tuple(args.labels) if args.labels else None,
    )
    imported = convert(args.path, args.out, options, args.format)
    print(*report_lines(imported, args.out), sep="\n")


if __name__ == "__main__":
    run_tool(main)
