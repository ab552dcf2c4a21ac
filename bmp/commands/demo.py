"""``bmp demo``: everything once, what `make demo` runs."""

import argparse
from pathlib import Path

from bmp import environment
from bmp.locations import PROJECT_ROOT


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "demo",
        help="everything once: rendered crowds, the loop, a table, images, a short training",
        description="Render crowds, evaluate the loop on them, draw it on images, train briefly.",
    )
    parser.add_argument(
        "--num-images",
        type=int,
        default=200,
        metavar="N",
        help="rendered crowds that the loop is evaluated on (default: %(default)s)",
    )
    parser.add_argument(
        "--train-steps",
        type=int,
        default=80,
        metavar="N",
        help="training steps of the short training; 0 leaves it out (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=PROJECT_ROOT / "outputs" / "demo",
        help="folder for drawings and logs (default: %(default)s)",
    )
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo."""
    environment.check_opencv()
    from bmp.demo.demo import run_demo

    return run_demo(args.out, num_images=args.num_images, train_steps=args.train_steps)
