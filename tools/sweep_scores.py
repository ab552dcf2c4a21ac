"""AP, precision and recall of the loop for thresholds of the detector and for ranking scores.

    python tools/sweep_scores.py configs/demo/bmp_demo.py --score-thr 0.05 0.1 0.2 0.3 0.5
    python tools/sweep_scores.py CONFIG --score-factors bbox_scores bbox_scores,mask_scores
    python tools/sweep_scores.py CONFIG --max-images 50 --out outputs/sweep

Thresholds change `model.detector.score_thr`, factors `model.loop.score_factors`. The loop runs
image by image with every threshold, and computes once what these share; factors take no model at
all. Differences are from the config's own values. Writes sweep.json, score_thr.svg and
score_factors.svg. With `--cfg-options model.cache.folder=FOLDER model.cache.max_gib=20` a second
sweep takes no model.
"""

import argparse
from pathlib import Path

from mmengine.config import Config
from tqdm import tqdm

from bmp.environment import pick_device
from bmp.evaluation import LoopCocoMetric
from bmp.evaluation.remember import build_sweep_parts
from bmp.evaluation.score_sweep import (
    Judge,
    Sweep,
    check_thresholds,
    default_factors,
    factor_rows,
    threshold_rows,
    with_reference,
)
from bmp.evaluation.sweep_report import format_table, plot
from bmp.loop.stage_cache import StageMemory
from bmp.registry import DATASETS, METRICS
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


def open_sweep(
    config: Config, metric: LoopCocoMetric, args: argparse.Namespace
) -> tuple[Sweep, StageMemory | None]:
    """The loop's parts, its detector with the lowest threshold, and what to vary."""
    reference = config.model.detector.get("score_thr")
    # of a config without one no sweep is made: that is told where the parts are built
    thresholds = sorted({*args.score_thr, *([] if reference is None else [reference])})
    parts, memory = build_sweep_parts(config.model, thresholds[0], pick_device(args.device))
    factors = default_factors(parts.settings)
    if args.score_factors:
        wanted = (tuple(names.split(",")) for names in args.score_factors)
        factors = with_reference(wanted, parts.settings.score_factors)
    return Sweep(parts, thresholds, factors, metric.category_id, metric.pred_converter), memory


def see_images(sweep: Sweep, config: Config, args: argparse.Namespace) -> tuple[list, int]:
    """Run the sweep on all images; their ids, and how many could not be read."""
    chosen = {} if args.max_images is None else {"max_images": args.max_images}
    images = DATASETS.build({**config.test_dataloader.dataset, **chosen})
    ids, num_failed = [], 0
    for n in tqdm(range(len(images)), disable=None):
        entry = images[n]
        ids.append(entry["img_id"])
        if entry["image"] is None:  # its people count as missed
            num_failed += 1
            print(f"skipped: {entry['error']}")
        else:
            sweep.add(entry["image"], entry["img_id"])
    return ids, num_failed


def judge_of(metric: LoopCocoMetric, ids: list) -> Judge:
    """Evaluation as the config's own metric does it."""
    return Judge(
        metric.annotations,
        metric.sigmas,
        metric.iou_types,
        metric.ranked_by,
        ids,
        use_area=not metric.by_crowding,
    )


def main() -> None:
    args = parse_arguments()
    out = Path(args.out)
    check_writable(out, "--out")
    check_thresholds(args.score_thr)
    config = load_config(args.config, args.cfg_options)
    metric = METRICS.build(config.test_evaluator)
    sweep, memory = open_sweep(config, metric, args)
    ids, num_failed = see_images(sweep, config, args)
    judge, threshold = judge_of(metric, ids), config.model.detector.score_thr
    factors = sweep.parts.settings.score_factors
    tables = {
        "score_thr": threshold_rows(sweep, judge, threshold, print),
        "score_factors": factor_rows(sweep, judge, threshold, factors, print),
    }
    for name, rows in tables.items():
        same_people = name == "score_factors"
        print(f"\n{format_table(rows, name, same_people=same_people)}")
        with whole_file(out / f"{name}.svg") as partial:
            partial.write_text(plot(rows, name, same_people=same_people), encoding="utf-8")
    for name, asked in sweep.calls.asked.items():
        print(f"{name}: {sweep.calls.computed[name]:,} computed of {asked:,} asked for")
    content = {name: [row.to_dict() for row in rows] for name, rows in tables.items()}
    content["numbers"] = {
        f"{name}/{key}": value
        for name, rows in tables.items()
        for row in rows
        for key, value in row.numbers().items()
    }
    content |= {"calls": sweep.calls.to_dict(), "config": args.config}
    content |= {"num_images": len(ids), "num_failed": num_failed}
    if memory is not None:
        content["disk"] = {"asked": dict(memory.asked), "computed": dict(memory.computed)}
        print(memory.describe())
    write_json(out / "sweep.json", content, indent=2)
    print(f"{len(ids)} images; written: {out}")


if __name__ == "__main__":
    run_tool(main)
