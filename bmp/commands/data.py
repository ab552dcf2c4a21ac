"""``bmp data``: what is wrong with an annotation file, and how to train on it."""

import argparse
from pathlib import Path

CHECK = """Name every fault of an annotation file in COCO's format, with counts and examples.

The readers of training look at it, and go on where training would stop. Faults are refused,
dropped, misread, doubtful or corrected; the first three give exit code 1. Then: people per image,
sizes, overlap, crowd index, visibility. (tools/datasets/check.py looks at a config of the loop
instead: whether its data, boxes and weights are there.)
"""
CHECK_EXAMPLES = """examples:
  bmp data check datasets/mine/annotations.json
  bmp data check annotations.json --images photos/ --out outputs/check     a page with pictures
"""
ADVISE = """Recommend how to train a pose model on a file: config, batch, learning rate, length.

Reasons are told. --write gives a config that tools/train.py takes.
"""
ADVISE_EXAMPLES = """examples:
  bmp data advise datasets/mine/annotations.json --memory 24
  bmp data advise train.json --val val.json --write configs/mine.py
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand and its own."""
    parser = commands.add_parser(
        "data",
        help="check an annotation file, advise how to train on it",
        description="Annotation files of people: what is wrong with one, how to train on it.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    check = _add_action(actions, "check", "name every fault, with pictures", CHECK, CHECK_EXAMPLES)
    check.add_argument(
        "--out",
        type=Path,
        help="folder for check.html (pictures), check.txt and faults.json (every annotation)",
    )
    check.set_defaults(command=run_check)
    advise = _add_action(
        actions, "advise", "config, batch and learning rate", ADVISE, ADVISE_EXAMPLES
    )
    advise.add_argument(
        "--memory",
        type=float,
        default=24.0,
        metavar="GB",
        help="of the GPU, 10⁹ bytes (default: %(default)g)",
    )
    advise.add_argument("--val", type=Path, help="annotations to validate on")
    advise.add_argument("--val-images", help="folder of their images (default: looked for)")
    advise.add_argument("--write", type=Path, metavar="CONFIG", help="write the config, a .py file")
    advise.set_defaults(command=run_advise)
    # its arguments are those of tools/datasets/convert.py, see bmp/commands/tool.py
    actions.add_parser(
        "convert",
        help="YOLO, Label Studio, CVAT, datumaro, SLEAP, DeepLabCut as one COCO file",
        add_help=False,
    )


def _add_action(
    actions: argparse._SubParsersAction, name: str, text: str, description: str, examples: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=text,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="annotations in COCO's format, .json or .json.gz")
    parser.add_argument("--images", help="their folder (default: looked for beside the file)")
    parser.add_argument(
        "--skeleton",
        metavar="METAINFO",
        help="metainfo file of the joints (default: the bundled one that has them)",
    )
    return parser


def run_check(args: argparse.Namespace) -> int:
    """``bmp data check``: 1 if a training would drop or misread something."""
    from mmpose.analysis.data_report import format_check, write_check
    from mmpose.analysis.people_statistics import people_statistics
    from mmpose.datasets.file_check import check_file
    from mmpose.errors import check_writable

    if args.out is not None:
        check_writable(args.out)
    check = check_file(args.file, args.images, args.skeleton)
    statistics = None if check.content is None else people_statistics(check.content)
    print(format_check(check, statistics))
    if args.out is not None:
        print(f"\n{write_check(args.out, check, statistics)}")
    return 1 if check.is_harmed else 0


def run_advise(args: argparse.Namespace) -> int:
    """``bmp data advise``: 1 if the file has faults that `bmp data check` names."""
    from bmp.environment import tell
    from bmp.training_advice import GB, advise, format_advice
    from bmp.training_config import ValidationData, check_can_write, write_training_config
    from mmpose.analysis.people_statistics import people_statistics
    from mmpose.datasets.file_check import check_file, find_folder_of
    from mmpose.errors import check_file_writable

    if args.memory <= 0:
        raise ValueError(f"--memory is in GB and above 0, got {args.memory:g}")
    check = check_file(args.file, args.images, args.skeleton)
    if check.content is None:
        raise ValueError(check.faults[0].places[0])
    validation = None
    if args.val is not None:
        validation = ValidationData(args.val, args.val_images or find_folder_of(args.val))
    if args.write is not None:
        check_can_write(args.write, check)
        check_file_writable(args.write, "--write")
    advice = advise(check, people_statistics(check.content), args.memory * GB)
    if args.write is not None:
        write_training_config(args.write, advice, check, validation)
    print(format_advice(advice, args.write))
    if check.is_harmed:
        tell(f"bmp: {args.file} has faults: bmp data check {args.file}")
    return 1 if check.is_harmed else 0
