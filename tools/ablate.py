"""Run an ablation, continue it, or make its table.

    python tools/ablate.py configs/ablations/loop_turns.py --dry-run
    python tools/ablate.py configs/ablations/loop_turns.py --jobs 2
    python tools/ablate.py configs/ablations/loop_turns.py --table
    python tools/ablate.py configs/ablations/mask_noise_training.py --check base

See docs/ablations.md.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config

from bmp.locations import find_checkpoint, find_config, locate_checkpoint
from mmpose.ablation.command import add_arguments, run_ablation
from mmpose.engine.tools import run_tool

PART_FOLDERS = ("rtmdet", "PMPose", "MaskPose", "sam_pose2seg", "demo")


def locate(key: str, name: str, *, may_download: bool) -> Path | None:
    """The file of a config or of weights that a loop names by a short name."""
    if key == "config":
        return find_config(name, PART_FOLDERS)
    return find_checkpoint(name) if may_download else locate_checkpoint(name)


def check(config: Config) -> None:
    """Refuse a misspelt constant of the loop before anything runs."""
    model = config.get("model") or {}
    if "loop" in model:
        from bmp.loop import make_settings

        make_settings(model["loop"])


def make_parser() -> argparse.ArgumentParser:
    """The arguments, for ``bmp completion`` too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    return parser


def main() -> None:
    args = make_parser().parse_args()

    def find(key: str, name: str) -> Path | None:
        return locate(key, name, may_download=not args.dry_run)

    tools = Path(__file__).resolve().parent
    sys.exit(run_ablation(args, tools, locate=find, check=check))


if __name__ == "__main__":
    run_tool(main)
