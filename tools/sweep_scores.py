"""AP, precision and recall of the loop for thresholds of the detector and for ranking scores.

    python tools/sweep_scores.py configs/demo/bmp_demo.py --score-thr 0.05 0.1 0.2 0.3 0.5
    python tools/sweep_scores.py CONFIG --score-factors bbox_scores bbox_scores,mask_scores
    python tools/sweep_scores.py CONFIG --max-images 50 --out outputs/sweep

Thresholds change `model.detector.score_thr`, factors `model.loop.score_factors`. The loop runs
image by image with every threshold, and computes once what these share; factors take no model at
all. Differences are from the config's own values. Writes sweep.json, score_thr.svg and
score_factors.svg.
"""

import argparse
import dataclasses
from pathlib import Path

from mmengine.config import Config
from tqdm import tqdm

import bmp.evaluation  # noqa: F401  (registers what loop configs name)
from bmp.environment import pick_device
from bmp.evaluation import score_sweep
from bmp.evaluation.sweep_report import format_table, plot
from bmp.loop.build import build_parts
from bmp.registry import DATASETS, METRICS
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.engine.cfg_options import CfgOptionsAction
from mmpose.engine.config import load_config
from mmpose.engine.tools import run_tool
from mmpose.errors import check_writable
from mmpose.files import whole_file, write_json

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config of a loop")
    parser.add_argument(
        "--score-thr", type=float, nargs="+", default=THRESHOLDS, help="of the detector"
    )
    parser.add_argument(
        "--score-factors",
        nargs="+",
        metavar="NAME,NAME",
        help="products of bbox_scores, keypoint_scores, mask_scores that rank people",
    )
    parser.add_argument("--max-images", type=int, help="only the first images")
    parser.add_argument("--device", help="where the models work; by default a GPU if there is one")
    parser.add_argument("--out", default="outputs/sweep", help="folder for what is written")
    parser.add_argument(
        "--cfg-options", nargs="+", action=CfgOptionsAction, help="values of the config to replace"
    )
    return parser.parse_args()


def open_sweep(config: Config, args: argparse.Namespace) -> score_sweep.Sweep:
    """The loop's parts, its detector with the lowest threshold, and what to vary."""
    detector = config.model.detector
    if "score_thr" not in detector:
        raise ValueError(
            f"the detector of {args.config} has no score_thr to vary; take a loop whose people a "
            "detector finds, such as configs/demo/bmp_demo.py"
        )
    score_sweep.check_thresholds(args.score_thr)
    thresholds = sorted(score_sweep.with_reference(args.score_thr, detector.score_thr))
    model = config.model.to_dict()
    model["detector"]["score_thr"] = thresholds[0]
    parts = build_parts(model, pick_device(args.device))
    factors = score_sweep.default_factors(parts.settings)
    if args.score_factors:
        wanted = (tuple(names.split(",")) for names in args.score_factors)
        factors = score_sweep.with_reference(wanted, parts.settings.score_factors)
    return score_sweep.Sweep(parts, thresholds, factors)


def run_sweep(sweep: score_sweep.Sweep, config: Config, args: argparse.Namespace):
    """See all images; the judge of what was found, and how many could not be read."""
    metric = METRICS.build(config.test_evaluator)
    sweep.category_id = metric.category_id
    images = DATASETS.build(config.test_dataloader.dataset)
    ids, num_failed = [], 0
    for n in tqdm(range(min(len(images), args.max_images or len(images))), disable=None):
        entry = images[n]
        ids.append(entry["img_id"])
        if entry["image"] is None:  # its people count as missed
            num_failed += 1
            print(f"skipped: {entry['error']}")
        else:
            sweep.add(entry["image"], entry["img_id"])
    sigmas = parse_pose_metainfo({"from_file": "coco.py"})["sigmas"].tolist()
    ranked_by = metric.ranked_by
    return (
        score_sweep.Judge(metric.annotations, sigmas, metric.iou_types, ranked_by, ids),
        num_failed,
    )


def main() -> None:
    args = parse_arguments()
    out = Path(args.out)
    check_writable(out, "--out")
    config = load_config(args.config, args.cfg_options)
    sweep = open_sweep(config, args)
    judge, num_failed = run_sweep(sweep, config, args)
    reference = config.model.detector.score_thr
    factors = sweep.parts.settings.score_factors
    tables = {
        "score_thr": score_sweep.threshold_rows(sweep, judge, reference, print),
        "score_factors": score_sweep.factor_rows(sweep, judge, reference, factors, print),
    }
    for name, rows in tables.items():
        same_people = name == "score_factors"
        print(f"\n{format_table(rows, name, same_people=same_people)}")
        with whole_file(out / f"{name}.svg") as partial:
            partial.write_text(plot(rows, name, same_people=same_people), encoding="utf-8")
    for name, asked in sweep.calls.asked.items():
        print(f"{name}: {sweep.calls.computed[name]:,} computed of {asked:,} asked for")
    content = {name: [row.to_dict() for row in rows] for name, rows in tables.items()}
    content |= {"calls": dataclasses.asdict(sweep.calls), "config": args.config}
    content |= {"num_images": len(judge.image_ids), "num_failed": num_failed}
    write_json(out / "sweep.json", content, indent=2)
    print(f"{len(judge.image_ids)} images; written: {out}")


if __name__ == "__main__":
    run_tool(main)
