"""The page of a report: sections of text, tables, plots and images in one file."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from mmpose.files import whole_file

TEMPLATE = Path(__file__).with_name("report.html.jinja")


@dataclass(frozen=True)
class Table:
    """Records of the same fields, shown in their order.

    Attributes:
        title: above the table.
        rows: field -> text, number or None; a bool is told as yes or no.
        note: below the title.
    """

    title: str
    rows: Sequence[Mapping[str, Any]]
    note: str = ""

    @property
    def columns(self) -> list[str]:
        """Names of all fields, in the order in which rows bring them."""
        return list(dict.fromkeys(name for row in self.rows for name in row))


@dataclass(frozen=True)
class Plot:
    """A drawing.

    Attributes:
        title: above it.
        svg: safe markup.
        note: below it.
    """

    title: str
    svg: Markup
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """An image drawn twice.

    Attributes:
        title: such as its file name.
        note: what is wrong with it.
        views: caption -> JPEG as a ``data:`` address; empty where the image cannot be shown.
        problem: why it cannot.
    """

    title: str
    note: str
    views: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a report with its heading."""

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    plots: Sequence[Plot] = ()
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Report:
    """A page.

    Attributes:
        title: its heading.
        facts: name -> text, what was compared.
        sections: in order.
    """

    title: str
    facts: Mapping[str, str]
    sections: Sequence[Section]


def render(report: Report) -> str:
    """The page as HTML; all texts are escaped, and the page may load nothing from elsewhere."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["cell"], environment.tests["is_number"] = _cell, _is_number
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(report=report)


def write_page(path: str | os.PathLike, report: Report) -> Path:
    """Write a report as one HTML file."""
    with whole_file(path) as partial:
        partial.write_text(render(report), encoding="utf-8")
    return Path(path)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    """A value as a reader wants it: three digits, a dash for nothing."""
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
