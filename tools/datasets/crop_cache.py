"""Cut every person of a training out of the images once, so that training decodes nothing.

    python tools/datasets/crop_cache.py configs/MaskPose/MaskPose-b-1.1.0.py --out /fast/crops
    python tools/train.py configs/MaskPose/MaskPose-b-1.1.0.py \
        --cfg-options train_dataloader.dataset.crop_cache=/fast/crops

The folder holds raw pixels with all that the augmentation may show. Killed, it goes on where it
stopped; run again, it makes anew what is damaged or has other people or images than before.
"""

import argparse
import os
from pathlib import Path

from mmengine.registry import DefaultScope
from tqdm import tqdm

from mmpose.datasets import build_dataset
from mmpose.datasets.crop_cache_build import PEOPLE_PER_SHARD, BuildReport, build_cache
from mmpose.engine.cfg_options import CfgOptionsAction
from mmpose.engine.config import load_config
from mmpose.engine.tools import run_tool


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="of a pose model")
    parser.add_argument("--out", required=True, help="folder of the cache, on a fast disk")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument(
        "--cfg-options", nargs="+", action=CfgOptionsAction, help="as of tools/train.py"
    )
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    settings = load_config(args.config, args.cfg_options).train_dataloader.dataset
    settings.pop("crop_cache", None)
    with DefaultScope.overwrite_default_scope("mmpose"):
        dataset = build_dataset(settings)
    num_shards = -(-len(dataset) // PEOPLE_PER_SHARD)
    with tqdm(total=num_shards, unit="shard") as progress:
        for done in build_cache(dataset, Path(args.out), args.workers):
            if isinstance(done, BuildReport):
                report = done
            else:
                progress.update(done - progress.n)
    unreadable = f", {report.num_unreadable} of unreadable images" if report.num_unreadable else ""
    print(
        f"{args.out}: {report.num_people} people{unreadable} in {report.num_shards} shards "
        f"({report.num_kept} were there), {report.num_bytes / 2**30:.2f} GiB. Train with "
        f"--cfg-options train_dataloader.dataset.crop_cache={args.out}"
    )


if __name__ == "__main__":
    run_tool(main)
