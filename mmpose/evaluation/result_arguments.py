"""What the tools that read result files ask alike: whose joints, areas and image ids."""

import argparse
import logging
from collections.abc import Sequence

from mmengine.logging import print_log

from mmpose.datasets.annotation_files import read_coco_file
from mmpose.datasets.image_names import match_by_name, rename_images


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


def with_ids_of(args: argparse.Namespace, content: dict, results: Sequence[dict]) -> Sequence[dict]:
    """Results with the image ids of the annotations, as :func:`add_ids_argument` asks for it.

    Args:
        args: ``annotations`` and ``ids_of``; without the latter the results stay as they are.
        content: of the annotations.
        results: each with ``image_id``.

    Raises:
        ValueError: the two annotation files share no image, or no result is of one they share.
    """
    if args.ids_of is None:
        return results
    others = read_coco_file(args.ids_of, needs_annotations=False)["images"]
    ids = match_by_name(content["images"], others, args.annotations, args.ids_of)
    renamed = rename_images(results, ids)
    if results and not renamed:
        raise ValueError(
            f"no result is of an image that {args.ids_of} and {args.annotations} share, the first "
            f"is of {results[0].get('image_id')!r}; give as --ids-of the annotations whose ids the "
            "results have"
        )
    if len(renamed) < len(results):
        print_log(
            f"{len(results) - len(renamed)} of {len(results)} results are of images that "
            f"{args.annotations} does not have, and are left out",
            logger="current",
            level=logging.WARNING,
        )
    return renamed
