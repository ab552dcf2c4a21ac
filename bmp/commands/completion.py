"""``bmp completion``: what a shell needs to complete ``bmp`` with the tab key."""

import argparse

HOW = {
    "bash": 'eval "$(bmp completion bash)"  in ~/.bashrc',
    "zsh": "bmp completion zsh > FOLDER_IN_FPATH/_bmp",
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "completion",
        help="print what bash or zsh needs to complete commands and options",
        description="Print a script for the shell: " + "; ".join(HOW.values()),
    )
    parser.add_argument("shell", choices=list(HOW))
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Print the script; ``args.parser`` is that of the whole command."""
    import shtab

    print(shtab.complete(args.parser, shell=args.shell))
    return 0
