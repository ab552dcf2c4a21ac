"""Plots of the report: plain SVG whose colours are classes of the page, so that it can be dark."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from .reliability import Bin, Reliability

SIDE = 200  # of the square of a reliability curve, in units of the drawing
LEFT, TOP, BOTTOM, RIGHT = 34, 8, 76, 8
COUNTS_HEIGHT = 30  # of the strip of counts below the square
ROW, BARS, VALUE, CHARACTER = 20, 180, 40, 6  # of horizontal bars
NUM_SHADES = 6  # classes shade0 ... of the page


def reliability_plot(curve: Reliability) -> Markup:
    """Frequency over confidence, the diagonal of a perfect forecast, and the counts below."""
    width, height = LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM
    most = max((one.count for one in curve.bins), default=0)
    parts = [_frame(), *(_bin(one, most) for one in curve.bins if one.count)]
    parts.append(line_of(LEFT, TOP + SIDE, LEFT + SIDE, TOP, "diagonal"))
    points = [
        (LEFT + SIDE * one.confidence, TOP + SIDE * (1 - one.frequency))
        for one in curve.bins
        if one.count
    ]
    if points:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(Markup('<polyline class="curve" points="{}"/>').format(line))
    parts += [
        Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(x, y)
        for x, y in points
    ]
    parts.append(text_of(LEFT + SIDE / 2, height - 4, "confidence; strip: how many", "middle"))
    return svg_of(width, height, f"Reliability of {curve.name}", parts, width * 1.4)


def _bin(one: Bin, most: int) -> Markup:
    left, width = LEFT + SIDE * one.lower, SIDE * (one.upper - one.lower)
    tall, strip = SIDE * one.frequency, COUNTS_HEIGHT * one.count / most
    told = f"{one.count} of confidence {one.confidence:.3f}, came true: {one.frequency:.3f}"
    return Markup("<g><title>{}</title>{}{}</g>").format(
        told,
        rect_of(left + 1, TOP + SIDE - tall, width - 2, tall, "bar"),
        rect_of(left + 1, TOP + SIDE + 24 + COUNTS_HEIGHT - strip, width - 2, strip, "strip"),
    )


def _frame() -> Markup:
    """The square and its grid, with ticks at 0, 0.5 and 1."""
    parts = [rect_of(LEFT, TOP, SIDE, SIDE, "frame")]
    for tick in (0.0, 0.5, 1.0):
        x, y = LEFT + SIDE * tick, TOP + SIDE * (1 - tick)
        parts.append(text_of(LEFT - 5, y + 4, f"{tick:g}", "end"))
        parts.append(text_of(x, TOP + SIDE + 15, f"{tick:g}", "middle"))
        if 0 < tick < 1:
            parts += [
                line_of(LEFT, y, LEFT + SIDE, y, "grid"),
                line_of(x, TOP, x, TOP + SIDE, "grid"),
            ]
    return Markup("").join(parts)


def bar_plot(
    rows: Sequence[Mapping[str, Any]],
    label: str,
    columns: Sequence[str],
    *,
    name: str,
    shades: Sequence[int] = range(NUM_SHADES),
) -> Markup:
    """Horizontal bars, a row each, of one column or of several stacked on each other.

    Args:
        rows: records.
        label: which field names a row.
        columns: which fields are drawn, numbers of 0 and more; None is drawn as 0.
        name: of the plot, for those who cannot see it.
        shades: of the columns, classes of the page.
    """
    totals = [sum(row[column] or 0 for column in columns) for row in rows]
    longest = max([*totals, 1e-9])
    first = 14 + CHARACTER * max([10, *(len(str(row[label])) for row in rows)])  # x of the bars
    parts = []
    for number, (row, total) in enumerate(zip(rows, totals, strict=True)):
        y, x = number * ROW, float(first)
        parts.append(text_of(first - 8, y + 15, str(row[label]), "end"))
        for shade, column in zip(shades, columns, strict=False):
            long = BARS * (row[column] or 0) / longest
            told = f"{row[label]}, {column}: {_number(row[column])}"
            bar = rect_of(x, y + 3, long, ROW - 6, f"shade{shade}")
            parts.append(Markup("<g><title>{}</title>{}</g>").format(told, bar))
            x += long
        if len(columns) == 1:
            parts.append(text_of(x + 6, y + 15, _number(total)))
    width, height = first + BARS + VALUE, ROW * len(rows)
    svg = svg_of(width, height, name, parts, width * 1.4)
    return svg if len(columns) == 1 else svg + legend_of(columns, shades)


def legend_of(columns: Sequence[str], shades: Sequence[int] = range(NUM_SHADES)) -> Markup:
    """Names beside their shades, below a plot."""
    keys = [
        Markup('<span><i class="shade{}"></i>{}</span>').format(shade, column)
        for shade, column in zip(shades, columns, strict=False)
    ]
    return Markup('<div class="legend">{}</div>').format(Markup(" ").join(keys))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def svg_of(
    width: float, height: float, name: str, parts: Sequence[Markup], widest: float
) -> Markup:
    """A drawing of that size, shown at most ``widest`` pixels wide; ``name`` is read aloud."""
    return Markup(
        '<svg viewBox="0 0 {:g} {:g}" style="max-width:{:g}px" role="img" aria-label="{}">{}</svg>'
    ).format(width, height, widest, name, Markup("").join(parts))


def rect_of(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    """A rectangle of a class of the page."""
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        kind, x, y, width, height
    )


def line_of(x0: float, y0: float, x1: float, y1: float, kind: str) -> Markup:
    """A straight line of a class of the page."""
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, x0, y0, x1, y1
    )


def text_of(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    """Text, escaped, that starts, ends or is centred at a point."""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        x, y, anchor, escape(text)
    )
