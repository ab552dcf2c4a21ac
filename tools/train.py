"""Train what a config describes: a pose model, a detector or a segmenter.

python tools/train.py configs/demo/maskpose_lite0_synthcrowd-128x96.py
torchrun --nproc_per_node 2 tools/train.py CONFIG --launcher pytorch
"""

import argparse
from pathlib import Path

from bmp.detectors.mmdet_configs import prepare_mmdet
from mmpose.engine import tools


def make_parser() -> argparse.ArgumentParser:
    """The arguments, for ``bmp completion`` too."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tools.add_common_arguments(parser)
    parser.add_argument("--resume", action="store_true", help="continue the last run, if any")
    parser.add_argument("--amp", action="store_true", help="train in bfloat16")
    parser.add_argument("--seed", type=int, help="of all random numbers")
    return parser


def main() -> None:
    args = make_parser().parse_args()
    config = tools.open_config(args)
    prepare_mmdet(config)
    start = config.get("load_from")
    # without a run yet, --resume starts one: a queue may stop a job before its first checkpoint
    resume = tools.find_started(config) if args.resume else None
    if start and resume is None and not Path(start).is_file():
        from bmp.locations import find_checkpoint

        config.load_from = str(find_checkpoint(start))  # a published one is fetched
    tools.train(
        config,
        launcher=args.launcher,
        amp=args.amp,
        resume=resume,
        seed=args.seed,
        facts=args.facts,
    )


if __name__ == "__main__":
    tools.run_tool(main)
