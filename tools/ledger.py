"""Run again what our pages state, and name the numbers that moved.

    python tools/ledger.py --list                         # rows, and which can run here
    python tools/ledger.py                                # run them; exit code 1 if one moved
    python tools/ledger.py --only loop_photos --update    # take the new numbers over
    python tools/ledger.py --pages                        # write the numbers into the pages

Rows stand in docs/ledger.json: command, hashes of data and weights, tolerance, last values, date.
A row that fails does not stop the others; one whose data or weights are not here says what to get.
"""

import argparse
import sys

from bookkeeping.pages import find_pages, write_pages
from bookkeeping.reruns import describe, run_row, update_row
from bookkeeping.rows import LEDGER, Row, read_ledger, select_rows, write_ledger
from bookkeeping.sources import missing

from mmpose.engine.tools import run_tool
from mmpose.project import PROJECT_ROOT


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="ID", help="these rows alone")
    parser.add_argument("--list", action="store_true", help="print the rows and run nothing")
    parser.add_argument(
        "--update", action="store_true", help="write new values, hashes and dates into the ledger"
    )
    parser.add_argument("--pages", action="store_true", help="write the pages and run nothing")
    return parser.parse_args()


def list_row(row: Row) -> str:
    """A row in a few lines: its command, its last run, and what is missing to run it."""
    took = f"{row.minutes} min, " if row.minutes is not None else ""
    last = f"{took}last on {row.date}" if row.date else "never run here"
    lines = [f"{row.id}: {row.what}", f"    {row.command()}", f"    {last}"]
    return "\n".join([*lines, *(f"    cannot run: {reason}" for reason in missing(row))])


def main() -> None:
    args = parse_arguments()
    rows = read_ledger()
    chosen = select_rows(rows, args.only)
    if args.list:
        print("\n".join(map(list_row, chosen)))
        return
    outcomes = []
    for row in () if args.pages else chosen:
        outcomes.append(run_row(row))
        print(describe(outcomes[-1]), flush=True)
        if args.update and outcomes[-1].values:
            update_row(outcomes[-1])
            write_ledger(rows)  # after every row: an interruption loses nothing
    if args.update or args.pages:
        for page in write_pages(rows, find_pages()):
            print(f"wrote {page.relative_to(PROJECT_ROOT)}")
    counts = {
        state: [o.row.id for o in outcomes if o.state == state] for state in ("moved", "failed")
    }
    if any(counts.values()):
        told = "; ".join(f"{state}: {', '.join(ids)}" for state, ids in counts.items() if ids)
        sys.exit(f"{told} (numbers of {LEDGER.relative_to(PROJECT_ROOT)})")


if __name__ == "__main__":
    run_tool(main)
