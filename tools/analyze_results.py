"""Say why a COCO result file has the AP that it has, as JSON and as one HTML page.

    python tools/analyze_results.py outputs/val.keypoints.json annotations/person_keypoints_val.json
    python tools/analyze_results.py RESULTS.json ANNOTATIONS.json --iou-type segm --out why.json
    python tools/analyze_results.py RESULTS.json ANNOTATIONS.json --html why.html --images FOLDER

The page needs no network and no other file. All images of the annotation file count.
"""

import argparse
import os

from mmpose.analysis.explanation import TYPE_NAMES, explain
from mmpose.analysis.report import make_report
from mmpose.analysis.report_page import write_page
from mmpose.datasets.annotation_files import read_coco_file
from mmpose.engine.tools import run_tool
from mmpose.errors import check_file_writable
from mmpose.evaluation.result_arguments import (
    add_ids_argument,
    add_result_arguments,
    with_ids_of,
)
from mmpose.evaluation.result_files import guess_iou_type, read_results
from mmpose.files import write_json


def make_parser() -> argparse.ArgumentParser:
    """The arguments, for ``bmp completion`` too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", help="COCO result file")
    parser.add_argument("annotations", help="ground truth in COCO's annotation format")
    parser.add_argument(
        "--iou-type",
        choices=tuple(TYPE_NAMES),
        help="by default keypoints, else masks, else boxes",
    )
    add_result_arguments(parser)
    add_ids_argument(parser)
    parser.add_argument("--out", help="JSON file for all numbers")
    parser.add_argument("--html", help="file for the page")
    parser.add_argument("--images", help="folder of the images, to draw the worst on the page")
    parser.add_argument("--worst", type=int, default=10, help="how many images are listed (10)")
    return parser


def main() -> None:
    args = make_parser().parse_args()
    if args.worst < 0:
        raise ValueError(f"--worst must be 0 or more, got {args.worst}")
    if args.images is not None and args.html is None:
        raise ValueError("--images are drawn on the page: give a file for it as --html, too")
    for name in ("out", "html"):
        if getattr(args, name) is not None:
            check_file_writable(getattr(args, name), f"--{name}")
    results, content = read_results(args.results), read_coco_file(args.annotations)
    results = with_ids_of(args, content, results)
    explanation = explain(
        content,
        results,
        args.iou_type or guess_iou_type(results),
        use_area=not args.no_area,
        metainfo=args.metainfo,
        sigmas=args.sigmas,
        num_worst=args.worst,
    )
    if args.out is not None:
        write_json(args.out, explanation.to_dict(), indent=2)
    if args.html is not None:
        facts = {"Results": args.results, "Annotations": args.annotations}
        facts |= {"Images": os.fspath(args.images)} if args.images else {}
        write_page(args.html, make_report(explanation, facts=facts, images=args.images))
    print(explanation.told())


if __name__ == "__main__":
    run_tool(main)
