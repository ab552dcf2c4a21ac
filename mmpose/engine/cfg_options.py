"""``--cfg-options KEY=VALUE ...``: values of a config from the command line.

mmengine's own action removes every space, also those of paths, and splits inside quotes.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import Any

_PAIRS = {"(": ")", "[": "]"}
_QUOTED = re.compile(r"""(['"])(.*)\1""", re.DOTALL)


class CfgOptionsAction(argparse.Action):
    """Collects ``KEY=VALUE`` in a dict; given again, it adds to the dict.

    The value may hold further ``=``. See :func:`parse_value` for what becomes of it.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        """Take the values of one option; one without ``=`` ends the program with the fix."""
        options = dict(getattr(namespace, self.dest, None) or {})
        for text in values:
            key, equals, value = text.partition("=")
            if not equals or not key.strip():
                parser.error(
                    f"{option_string} takes KEY=VALUE, got {text!r}; a value with spaces needs "
                    'quotes around the whole: "data_root=my data/coco"'
                )
            try:
                options[key.strip()] = parse_value(value)
            except ValueError as error:
                parser.error(f"{option_string} {text!r}: {error}")
        setattr(namespace, self.dest, options)


def parse_value(text: str) -> Any:
    """What a value of the command line stands for.

    Args:
        text: a number, ``true`` / ``false`` in any case, ``None``, a list ``[a, b]`` or ``a,b``,
            a tuple ``(a, b)``, these in each other, or else text. Spaces are kept inside text and
            do not count around it. Quotes make text of what they enclose, commas included; around
            a list or tuple they are taken off.

    Returns:
        int, float, bool, None, str, or a list or tuple of them.

    Raises:
        ValueError: the bracket that starts a list or tuple is not closed.
    """
    text = text.strip()
    # 'a', 'b' also starts and ends with a quote, but is a list of two
    quoted = _QUOTED.fullmatch(text)
    if quoted and quoted[1] not in quoted[2]:
        inner = quoted[2].strip()
        return parse_value(inner) if _is_bracketed(inner) else quoted[2]
    if _is_bracketed(text):
        items = [parse_value(item) for item in _split(text[1:-1])]
        return tuple(items) if text[0] == "(" else items
    depths = [depth for _, _, depth in _walk(text)]
    if text[:1] in _PAIRS and depths[-1] > 0:
        raise ValueError(f"the bracket {text[0]} is not closed; quotes would make it text")
    items = _split(text)
    # "a," is a list of one, as in Python
    is_list = items and items[0] != text
    return [parse_value(item) for item in items] if is_list else _parse_scalar(text)


def _is_bracketed(text: str) -> bool:
    """Whether the first character is a bracket that the last one closes."""
    closed = [index for index, _, depth in _walk(text) if depth == 0]
    is_pair = text[:1] in _PAIRS and text[-1] == _PAIRS[text[0]]
    return is_pair and closed[:1] == [len(text) - 1]


def _split(text: str) -> list[str]:
    """Parts between the commas that stand outside brackets and quotes; none after the last."""
    cuts = [index for index, char, depth in _walk(text) if char == "," and depth == 0]
    starts, ends = [0, *(cut + 1 for cut in cuts)], [*cuts, len(text)]
    parts = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    return parts if parts[-1].strip() else parts[:-1]


def _walk(text: str) -> Iterator[tuple[int, str, int]]:
    """Characters outside quotes: index, character, how many brackets are open after it.

    A quote opens only where an item starts and closes only where one ends: Bob's is text.
    """
    # `before` is the last character that is no space, where an item may start
    depth, quote, before = 0, "", ","
    for index, char in enumerate(text):
        if quote:
            ends = text[index + 1 :].lstrip()[:1] in ("", ",", ")", "]")
            quote = "" if char == quote and ends else quote
        elif char in "'\"" and before in ",([":
            quote = char
        else:
            depth += (char in "([") - (char in ")]")
            yield index, char, depth
        before = before if char.isspace() else char


def _parse_scalar(text: str) -> Any:
    for kind in (int, float):  # in this order: 8 stays a whole number
        try:
            return kind(text)
        except ValueError:
            pass
    named = {"true": True, "false": False}
    return None if text == "None" else named.get(text.lower(), text)
