"""``bmp completion``: what a shell needs to complete ``bmp`` with the tab key."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from bmp.commands.tool import known_tools, parser_of

HOW = {
    "bash": 'bmp completion bash > ~/.bmp_completion, and in ~/.bashrc "source ~/.bmp_completion"',
    "zsh": "bmp completion zsh > FOLDER_IN_FPATH/_bmp",
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "completion",
        help="print what bash or zsh needs to complete commands, options and files",
        description="Print a script for the shell; it takes some 10 seconds. "
        + "; ".join(HOW.values()),
    )
    parser.add_argument("shell", choices=list(HOW))
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """Print the script; ``args.parser`` is that of the whole command."""
    import shtab

    for name in known_tools():  # their arguments are their own
        *above, last = name.split()
        _choices(_parser_at(args.parser, above))[last] = parser_of(name)
    for action in _actions(args.parser):
        # an option without a value has nargs 0
        if action.nargs != 0 and action.choices is None and action.type in (None, str, Path):
            action.complete = shtab.FILE
    print(shtab.complete(args.parser, shell=args.shell))
    return 0


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The subcommands of a parser, none if it has none."""
    kinds = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return next((action.choices for action in kinds), {})


def _parser_at(parser: argparse.ArgumentParser, names: list[str]) -> argparse.ArgumentParser:
    for name in names:
        parser = _choices(parser)[name]
    return parser


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of a parser and of all below it."""
    yield from parser._actions
    for child in _choices(parser).values():
        yield from _actions(child)
