"""Evaluate a COCO result file without the model that wrote it.

    python tools/eval_results.py outputs/val.keypoints.json annotations/person_keypoints_val.json
    python tools/eval_results.py RESULTS.json ANNOTATIONS.json --extended --confidence-thr 0.5
    python tools/eval_results.py RESULTS.json ANNOTATIONS.json --iou-type segm --out numbers.json

All images of the annotation file count: people in images without results are missed. Behind each
AP stands its 95 % interval, of 1,000 draws of these images.
"""

import argparse

from mmpose.datasets.annotation_files import read_coco_file
from mmpose.errors import check_file_writable, run_command
from mmpose.evaluation.extended_rules import ExtendedRules
from mmpose.evaluation.result_arguments import (
    add_ids_argument,
    add_result_arguments,
    with_ids_of,
)
from mmpose.evaluation.result_files import (
    IOU_TYPES,
    count_images,
    evaluate_results,
    guess_iou_type,
    read_results,
)
from mmpose.files import write_json


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "results", help="JSON list: image_id, category_id, score and keypoints, ..."
    )
    parser.add_argument("annotations", help="ground truth in COCO's annotation format")
    parser.add_argument(
        "--iou-type", choices=IOU_TYPES, help="by default keypoints, else masks, else boxes"
    )
    add_result_arguments(parser)
    add_ids_argument(parser)
    add_rules(parser)
    parser.add_argument("--out", help="JSON file for the numbers")
    return parser.parse_args()


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Arguments for rules beyond COCO's own; see :func:`rules_of`."""
    parser.add_argument(
        "--extended", action="store_true", help="Ex-OKS: joints outside must be said to be absent"
    )
    parser.add_argument(
        "--match-by-bbox", action="store_true", help="pair poses and people by their boxes"
    )
    parser.add_argument(
        "--ignore-border-points", action="store_true", help="leave out joints on box borders"
    )
    parser.add_argument(
        "--confidence-thr",
        type=float,
        default=0.5,
        help="with --extended: third value from which on a joint counts as present (0.5; that of "
        "CocoMetric is 0.51 by default, as published)",
    )
    parser.add_argument(
        "--padding",
        type=float,
        default=1.25,
        help="with --extended: size of the window in boxes (1.25)",
    )


def rules_of(args: argparse.Namespace) -> ExtendedRules | None:
    """What the arguments ask for beyond COCO's own evaluation."""
    if not (args.extended or args.match_by_bbox or args.ignore_border_points):
        return None
    return ExtendedRules(
        extended=args.extended,
        match_by_bbox=args.match_by_bbox,
        ignore_border_points=args.ignore_border_points,
        confidence_thr=args.confidence_thr,
        padding=args.padding,
    )


def print_numbers(numbers: dict[str, float]) -> None:
    """A line for each number, with the 95 % interval of those that have one."""
    names = [name for name in numbers if not name.endswith(("_low", "_high"))]
    width = max(map(len, names))
    for name in names:
        line = f"{name:{width}s}  {numbers[name]:8.6f}"
        if f"{name}_low" in numbers:
            line += f"  [{numbers[f'{name}_low']:.6f}, {numbers[f'{name}_high']:.6f}]"
        print(line)


def main() -> None:
    args = parse_arguments()
    if args.out is not None:
        check_file_writable(args.out)
    content = read_coco_file(args.annotations)
    results = with_ids_of(args, content, read_results(args.results, compact=True))
    iou_type = args.iou_type or guess_iou_type(results)
    numbers = evaluate_results(
        content,
        results,
        iou_type,
        use_area=not args.no_area,
        metainfo=args.metainfo,
        sigmas=args.sigmas,
        rules=rules_of(args),
        intervals=True,
    )
    images = f"{count_images(results)} of {len(content['images'])} images"
    print(f"{iou_type}: {len(results)} results in {images}")
    print_numbers(numbers)
    if args.out is not None:
        write_json(args.out, numbers, indent=2)


if __name__ == "__main__":
    run_command(main)
