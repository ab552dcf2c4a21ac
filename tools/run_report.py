"""Tell a training on one HTML page: curves, samples, config, machine, resumes, warnings.

    python tools/run_report.py work_dirs/maskpose_lite0_synthcrowd-128x96
    python tools/run_report.py WORK_DIR --out report.html

The page needs no network and no other file. It may be made while the training goes on.
"""

import argparse
from pathlib import Path

from mmpose.analysis.report_page import write_page
from mmpose.analysis.run_report import make_run_report
from mmpose.engine.tools import run_tool
from mmpose.errors import check_file_writable


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work_dir", help="folder of a training, its --work-dir")
    parser.add_argument("--out", help="file of the page (WORK_DIR/report.html)")
    args = parser.parse_args()
    out = Path(args.out or Path(args.work_dir, "report.html"))
    if args.out is not None:  # the folder of a training is not made here: it may be misspelt
        check_file_writable(out)
    print(f"wrote {write_page(out, make_run_report(args.work_dir))}")


if __name__ == "__main__":
    run_tool(main)
