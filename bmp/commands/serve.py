"""``bmp serve``: a page on this machine to try the loop."""

import argparse
import os
import sys
import webbrowser
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from bmp import environment
from bmp.commands.predict import read_options

if TYPE_CHECKING:
    from bmp.serve.server import PageServer

DEFAULT_PORT = 8765

DESCRIPTION = """A page in the browser: drop an image, draw boxes if you like, step through what the
loop does in each turn, download the people (COCO JSON) and the overlay.

It answers this machine alone, keeps nothing, and needs no network. Ctrl-C ends it.
"""
EXAMPLES = """examples:
  bmp serve --open
  bmp serve --config bmp_v2 --port 0               any free port; the address is printed
  ssh -t -L 8765:127.0.0.1:8765 MACHINE bmp serve  of another machine, at http://127.0.0.1:8765/
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "serve",
        help="a page in the browser to try it on images",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--config",
        default="bmp_demo",
        help="name of a preset or path of a config, as of bmp predict (default: %(default)s)",
    )
    add("--device", default="auto", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    add("--cfg-options", nargs="+", metavar="KEY=VALUE", help="values of the config to replace")
    add(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        metavar="N",
        help="of 127.0.0.1; 0: any free one (default: %(default)s)",
    )
    add("--open", action="store_true", help="open the page in the browser")
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> NoReturn:
    """Serve until Ctrl-C, which ends the program with 0."""
    environment.check_opencv()
    from bmp.serve.server import PageServer

    # before the models: a port that is taken is told at once
    with PageServer(args.port) as server:
        from bmp.api import BBoxMaskPose

        options = read_options(args.cfg_options)
        model = BBoxMaskPose(args.config, device=args.device, cfg_options=options)
        server.about = {"config": args.config, "device": str(model.device)}
        server.find_people = partial(model.predict, return_intermediates=True)
        print(server.address, flush=True)
        environment.tell("bmp: the page is ready; Ctrl-C ends it")
        if args.open:
            webbrowser.open(server.address)
        serve(server)
    # No end of Python's own: connections have threads, and one that gives back what PyTorch keeps
    # for it at that time aborts the program.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def serve(server: "PageServer") -> None:
    """Answer until Ctrl-C, then finish the image in work; a second Ctrl-C leaves it."""
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        # the program would end in the middle of the model's work
        if not server.working.acquire(blocking=False):
            environment.tell("bmp: the image in work is finished first; Ctrl-C again leaves it")
            server.working.acquire()
        environment.tell("bmp: the page is closed")
