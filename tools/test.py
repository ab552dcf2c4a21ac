"""Evaluate what a config describes: a pose model, a detector, a segmenter or the loop.

python tools/test.py configs/demo/maskpose_lite0_synthcrowd-128x96.py
torchrun --nproc_per_node 2 tools/test.py CONFIG CHECKPOINT --launcher pytorch
"""

import argparse

from bmp.detectors.mmdet_configs import prepare_mmdet
from mmpose.engine import tools


def make_parser() -> argparse.ArgumentParser:
    """The arguments, for ``bmp completion`` too."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tools.add_common_arguments(parser)
    parser.add_argument(
        "checkpoint", nargs="?", help="weights: a path or a name; by default the config's own"
    )
    parser.add_argument("--out", help="JSON file for the numbers")
    return parser


def main() -> None:
    args = make_parser().parse_args()
    config = tools.open_config(args)
    prepare_mmdet(config)
    checkpoint = args.checkpoint or config.get("checkpoint")
    if checkpoint is not None:
        from bmp.locations import find_checkpoint

        checkpoint = str(find_checkpoint(checkpoint))
    elif "checkpoint" not in config:
        raise ValueError(f"{args.config} names no checkpoint: give one after the config")
    tools.test(
        config, launcher=args.launcher, checkpoint=checkpoint, out=args.out, facts=args.facts
    )


if __name__ == "__main__":
    tools.run_tool(main)
