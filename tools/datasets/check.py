"""Say what an evaluation of the loop lacks, before it runs for hours.

    python tools/datasets/check.py configs/bmp/bmp_v2_ochuman_val.py
    python tools/datasets/check.py configs/bmp/bmp_v2_*.py

One line for each thing: annotations, images, boxes of a file, weights; where it is missing or
misplaced, what to do. The exit code is then 1. Nothing is downloaded. What is wrong inside an
annotation file is named by `bmp data check FILE`.
"""

import argparse
import sys

from bmp.evaluation.data_check import check_evaluation, format_facts
from mmpose.engine.cfg_options import CfgOptionsAction
from mmpose.engine.config import load_config
from mmpose.engine.tools import run_tool


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("configs", nargs="+", help="configs of the loop")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=CfgOptionsAction,
        help="as of tools/test.py, such as data_root=/data/ochuman",
    )
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    is_complete = True
    for path in args.configs:
        facts = check_evaluation(load_config(path, args.cfg_options))
        print(format_facts(path, facts))
        is_complete &= not any(fact.is_missing for fact in facts)
    if not is_complete:
        sys.exit(1)


if __name__ == "__main__":
    run_tool(main)
