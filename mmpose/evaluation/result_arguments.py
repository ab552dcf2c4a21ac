"""What the tools that read result files ask alike: whose joints, areas and image ids."""

import argparse


def add_result_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of all tools that compare a result file with annotations."""
    parser.add_argument(
        "--no-area",
        action="store_true",
        help="take 0.53 of the box for a person's area, as CrowdPose and AIC do",
    )
    parser.add_argument(
        "--metainfo",
        help="skeleton whose joint names and sigmas to take, such as crowdpose.py; COCO's for 17 "
        "joints",
    )
    parser.add_argument(
        "--sigmas",
        type=float,
        nargs="+",
        help="constants of the joints, in place of the skeleton's",
    )


def add_ids_argument(parser: argparse.ArgumentParser) -> None:
    """The argument for results whose image ids are those of another annotation file."""
    parser.add_argument(
        "--ids-of",
        metavar="ANNOTATIONS",
        help="annotations whose image ids the results have, where these are others (OCHuman's for "
        "OCHuman-Pose): images are matched by file name",
    )
