"""The ``bmp`` command: everything that the project does, under one name.

Heavy packages are loaded only once the arguments are understood.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence

from bmp import environment
from bmp.commands import completion, data, demo, download, info, predict, serve, tool
from mmpose.errors import TRACEBACK, user_error

EXAMPLES = """examples:
  bmp predict photo.jpg                           people of an image, with the small models
  bmp predict photos/ --config bmp_v2             of a folder, with the published ones
  bmp serve                                       a page in the browser to try it
  bmp eval configs/demo/bmp_demo.py               AP of the loop after every turn
  bmp train configs/MaskPose/MaskPose-b-1.1.0.py
  bmp data check annotations.json                 what is wrong with a file of your own
  bmp info                                        versions, devices, weights, extras
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0 if it did what was asked."""
    argv = list(sys.argv[1:] if argv is None else argv)
    for count in (2, 1):  # their arguments are none of this parser's
        name = " ".join(argv[:count])
        if name in tool.known_tools():
            return guarded(lambda: tool.run(name, argv[count:]))  # noqa: B023 - called at once
    args = make_parser().parse_args(argv)
    # of torch, about a call in mmdet: nothing that a user could change
    warnings.filterwarnings("ignore", message="torch.meshgrid", category=UserWarning)
    return guarded(lambda: args.command(args))


def guarded(work: Callable[[], int]) -> int:
    """Do the work; what a user can cause becomes one line with its fix and exit code 1."""
    try:
        return work()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        sys.stderr.close()
        return 0
    except (KeyboardInterrupt, Exception) as error:
        reason = user_error(error)
        if reason is None:
            raise
        environment.tell(f"bmp: {reason}")
        return 130 if isinstance(error, KeyboardInterrupt) else 1


def make_parser() -> argparse.ArgumentParser:
    """The arguments of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="bmp",
        description="Boxes, masks and poses of people in crowds, in a loop.",
        epilog=f"{EXAMPLES}\n{TRACEBACK}=1 in the environment shows where an error came from.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(parser=parser)  # for the subcommand that describes all of them
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (predict, serve, tool, data, download, info, demo, completion):
        module.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
