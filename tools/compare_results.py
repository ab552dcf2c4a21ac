"""Whether one COCO result file is better than another, beyond the chance of the images.

    python tools/compare_results.py FIRST.json SECOND.json ANNOTATIONS.json
    python tools/compare_results.py FIRST.json SECOND.json ANNOTATIONS.json --iou-type segm

Prints AP of both, the difference (second less first) with its 95 % interval, and the probability
that it is positive: both are judged on the same 1,000 draws of the images. Boxes, masks and poses
are compared where both files and the annotations have them. All images of the annotation file
count: people in images without results are missed.
"""

import argparse

from mmpose.datasets.annotation_files import read_coco_file
from mmpose.datasets.categories import id_text
from mmpose.errors import check_file_writable, run_command
from mmpose.evaluation.coco_evaluator import RESULT_FIELDS
from mmpose.evaluation.comparison import (
    Comparison,
    common_kinds,
    compare_results,
    judged_kinds,
)
from mmpose.evaluation.result_arguments import (
    add_ids_argument,
    add_result_arguments,
    with_ids_of,
)
from mmpose.evaluation.result_files import count_images, read_results
from mmpose.files import write_json


def make_parser() -> argparse.ArgumentParser:
    """The arguments, for ``bmp completion`` too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", help="COCO result file, see tools/eval_results.py")
    parser.add_argument("second", help="another of the same images")
    parser.add_argument("annotations", help="ground truth in COCO's annotation format")
    parser.add_argument(
        "--iou-type",
        nargs="+",
        choices=RESULT_FIELDS,
        help="what to compare; by default all that both files and the annotations have",
    )
    add_result_arguments(parser)
    add_ids_argument(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the draws (0)")
    parser.add_argument("--out", help="JSON file for the numbers")
    return parser


def line_of(kind: str, compared: Comparison) -> str:
    """A row of the table, in percent."""
    low, high = (100 * end for end in compared.difference.interval)
    return (
        f"{kind:9s}  {100 * compared.first:6.2f}  {100 * compared.second:6.2f}  "
        f"{100 * compared.difference.difference:+6.2f}  [{low:+.2f}, {high:+.2f}]  "
        f"{compared.difference.probability:.3f}"
    )


def main() -> None:
    args = make_parser().parse_args()
    if args.out is not None:
        check_file_writable(args.out)
    first, second = (read_results(path, compact=True) for path in (args.first, args.second))
    content = read_coco_file(args.annotations)
    first, second = (with_ids_of(args, content, results) for results in (first, second))
    compared = {}
    common = args.iou_type or common_kinds(first, second)
    kinds = args.iou_type or judged_kinds(content, common)
    for kind in kinds:
        compared[kind] = compare_results(
            content,
            first,
            second,
            kind,
            use_area=not args.no_area,
            metainfo=args.metainfo,
            sigmas=args.sigmas,
            seed=args.seed,
        )
    told = (f"{len(results)} results in {count_images(results)}" for results in (first, second))
    num_images = len({id_text(image["id"]) for image in content["images"]})
    print(f"{num_images} images; {' and '.join(told)} of them")
    left_out = [kind for kind in common if kind not in kinds]
    if left_out:
        print(f"not compared, because nobody is annotated with it: {', '.join(left_out)}")
    print("           first  second  change  95 % interval   P(change > 0)")
    for kind, comparison in compared.items():
        print(line_of(kind, comparison))
    if args.out is not None:
        write_json(args.out, {kind: c.named() for kind, c in compared.items()}, indent=2)


if __name__ == "__main__":
    run_command(main)
