"""``bmp download``: published weights, before they are needed."""

import argparse
from difflib import get_close_matches
from pathlib import Path

from bmp.environment import tell
from bmp.locations import PUBLISHED, locate_checkpoint, models_folder
from mmpose.errors import check_writable


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "download",
        help="fetch published weights",
        description="Fetch published weights into the models folder. A file that is here is left "
        "alone, one that was cut off goes on where it stopped. Names may be left out to list all.",
        epilog="known: " + ", ".join(PUBLISHED),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="file names of weights")
    parser.add_argument("--out", type=Path, help="folder (default: models/ or $BMP_MODELS)")
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Fetch them, or list what there is: 1 if one could not be had."""
    for name in args.names:
        if name not in PUBLISHED:
            near = get_close_matches(name, PUBLISHED, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(PUBLISHED)}"
            raise ValueError(f"no published weights {name!r}; {hint}")
    if not args.names:
        for name, url in PUBLISHED.items():
            print(f"{name:30} {locate_checkpoint(name) or url}")
        return 0
    from bmp.locations import fetch_into

    folder, failed = check_writable(args.out or models_folder()), 0
    for name in args.names:
        try:
            print(fetch_into(folder, name))
        except FileNotFoundError as error:  # the others may be had
            tell(f"bmp: {error}")
            failed += 1
    return 1 if failed else 0
