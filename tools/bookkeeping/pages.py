"""Numbers of the ledger in the pages: what stands between two comments is written from a template.

    <!-- ledger {loop_crowds:loop/turn2/segm_AP} mask AP -->17.4 mask AP<!-- /ledger -->

The first comment holds the template, the text behind it follows. A table is a block of several
lines. So a number is kept once, in the ledger, and a page says beside it whose number it is.

| place | becomes |
| --- | --- |
| `{row:name}` | a count as it is, any other number in percent with one digit |
| `{row:name:.2f}` | the number in Python's format |
| `{row:name:interval}` | percent with its 95 % interval, from `name_low` and `name_high` |
| `{row:name:gain}` | a difference with its interval; `=` where that holds 0 |
| `{row:name:published}` | the number that a paper states, in percent |
| `{row:command}`, `{row:date}`, `{row:what}`, `{row:source}` | the words of the row |
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmpose.files import whole_file
from mmpose.project import PROJECT_ROOT

from .rows import Row, Value

BLOCK = re.compile(r"<!-- ledger(\s)(.*?)(\s)-->(.*?)<!-- /ledger -->", re.DOTALL)
PLACE = re.compile(r"\{(\w+):([^:{}]+)(?::([^{}]+))?\}")
NOT_YET = "–"  # no value: the row never ran here
_WORDS = ("command", "date", "what", "source")


def find_pages(root: Path = PROJECT_ROOT) -> list[Path]:
    """Pages that hold numbers of the ledger."""
    pages = [*root.glob("*.md"), *root.glob("docs/*.md"), root / "bmp" / "weights" / "README.md"]
    return sorted(page for page in pages if page.is_file() and BLOCK.search(page.read_text()))


def render_page(text: str, rows: Sequence[Row]) -> str:
    """A page with every block written anew.

    Raises:
        ValueError: a template names a row or number that the ledger lacks.
    """
    by_id = {row.id: row for row in rows}

    def render(block: re.Match) -> str:
        opening, template, closing, _ = block.groups()
        shown = PLACE.sub(lambda place: fill(by_id, *place.groups()), template)
        if opening == "\n":
            shown = f"\n{shown}\n"
        return f"<!-- ledger{opening}{template}{closing}-->{shown}<!-- /ledger -->"

    return BLOCK.sub(render, text)


def fill(rows: Mapping[str, Row], row_id: str, name: str, form: str | None) -> str:
    """What one place of a template becomes.

    Raises:
        ValueError: there is no such row, or it has no such number.
    """
    if row_id not in rows:
        raise ValueError(f"a page names the row {row_id!r}; the ledger has {', '.join(rows)}")
    row = rows[row_id]
    if name in _WORDS:
        return f"`{row.command()}`" if name == "command" else str(getattr(row, name) or NOT_YET)
    numbers = row.published if form == "published" else row.values
    if name not in numbers:
        kind = "published numbers" if form == "published" else "values"
        raise ValueError(f"row {row_id!r} has no {name!r}; its {kind}: {', '.join(numbers)}")
    if form in ("interval", "gain"):
        return _with_interval(numbers, name, sign="+" if form == "gain" else "")
    return _show(numbers[name], None if form == "published" else form)


def _show(value: Value, form: str | None = None) -> str:
    if value is None:
        return NOT_YET
    if form is not None:
        return format(value, form)
    return f"{value:,}" if isinstance(value, int) else f"{100 * value:.1f}"


def _with_interval(numbers: Mapping[str, Value], name: str, sign: str) -> str:
    value, *ends = (numbers.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None or None in ends:
        return _show(value)
    shown, low, high = (f"{100 * number:{sign}.1f}" for number in (value, *ends))
    is_told = not sign or ends[0] > 0 or ends[1] < 0
    return f"{shown} [{low}, {high}]" + ("" if is_told else " =")


def write_pages(rows: Sequence[Row], pages: Sequence[Path]) -> list[Path]:
    """Write the blocks of pages anew; those that changed are returned."""
    changed = []
    for page in pages:
        before = page.read_text(encoding="utf-8")
        after = render_page(before, rows)
        if after != before:
            with whole_file(page) as partial:
                partial.write_text(after, encoding="utf-8")
            changed.append(page)
    return changed


def stray_numbers(text: str) -> list[str]:
    """Lines of results that hold a number of no row: tables of AP and sentences about it.

    Args:
        text: of a page.

    Returns:
        The lines, in the page's order. A number has a fraction: whole ones are sizes, ids and
        orientation. In sentences, 0.3 and its like are thresholds, 2.0.0 is a version.
    """
    bare = re.sub(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", "", BLOCK.sub("", text), flags=re.DOTALL)
    is_about_results = re.compile(r"\b(AP\d*|IoU)\b")
    found, heading = [], ""
    for line in bare.splitlines():
        # a table is about results where its heading is; elsewhere a line speaks for itself
        heading = (heading or line) if line.startswith("|") else ""
        number = r"\d\.\d" if heading else r"(?<![\d.])([1-9]\d*\.\d|0\.\d\d)\d*(?!\.?\d)"
        if re.search(number, line) and is_about_results.search(f"{heading} {line}"):
            found.append(line)
    return found
