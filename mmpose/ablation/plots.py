"""Plots of an ablation as SVG: a number over a knob with its interval, and learning curves."""

import html
import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from mmpose.engine.config import load_config
from mmpose.engine.config_difference import flatten
from mmpose.evaluation.matches import interval

from .curves import Curve
from .definition import BASE
from .measures import Measured, is_share, scale_of
from .plan import Plan
from .table import Table

WIDTH, HEIGHT = 560, 320  # px
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 44
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#e0a030", "#7b5ea7", "#555555", "#00a5a5", "#a0522d")


@dataclass(frozen=True)
class Point:
    """A value of a knob and what it gives.

    Attributes:
        x: of the knob.
        y: number.
        low: lower end of its interval, or ``y``.
        high: upper end, or ``y``.
    """

    x: float
    y: float
    low: float
    high: float


def knob_points(plan: Plan, table: Table) -> dict[tuple[str, str], list[Point]]:
    """Points by (key, column), of keys that several rows set alone, to numbers.

    The base is among them where its config has a number there.
    """
    found: dict[tuple[str, str], list[Point]] = {}
    for key in _numeric_keys(plan):
        rows = {run.change: run.options[key] for run in plan.runs if list(run.options) == [key]}
        before = _value_of_base(plan, key)
        values = {**({} if before is None else {BASE: before}), **rows}
        for column in table.columns:
            points = [
                _point(value, table.measured[change][column])
                for change, value in values.items()
                if table.measured[change][column]
            ]
            if len(points) > 1:
                found[key, column] = sorted(points, key=lambda point: point.x)
    return found


def _numeric_keys(plan: Plan) -> list[str]:
    counts: dict[str, set[str]] = {}
    for run in plan.runs:
        for key, value in run.options.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if len(run.options) == 1 and is_number:
                counts.setdefault(key, set()).add(run.change)
    return [key for key, changes in counts.items() if len(changes) > 1]


def _value_of_base(plan: Plan, key: str) -> float | None:
    """What the base has there; of a knob its own value, not that of the places it sets."""
    config = load_config(plan.ablation.base, deepcopy(plan.ablation.options)).to_dict()
    for place in (key, f"model.{key}"):
        value = flatten(config).get(place)
        if type(value) in (int, float):
            return value
    return None


def _point(x: float, measured: Mapping[int, Measured]) -> Point:
    value = float(np.mean([one.value for one in measured.values()]))
    if any(one.draws is None for one in measured.values()):
        return Point(x, value, value, value)
    low, high = interval(np.mean([one.draws for one in measured.values()], axis=0))
    return Point(x, value, low, high)


def draw_knob(points: Sequence[Point], key: str, column: str) -> str:
    """A number over a knob, with bars for the 95 % intervals of each value by itself."""
    scale = scale_of(column, [p.y for p in points])
    points = [Point(p.x, *(scale * v for v in (p.y, p.low, p.high))) for p in points]
    frame = _Frame(
        [p.x for p in points],
        [v for p in points for v in (p.low, p.high)],
        key,
        column + (" %" if is_share(column) else ""),
    )
    path = " ".join(f"{frame.x(p.x):.1f},{frame.y(p.y):.1f}" for p in points)
    marks = [f'<polyline points="{path}" fill="none" stroke="{COLOURS[0]}"/>']
    for p in points:
        x = frame.x(p.x)
        marks.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{frame.y(p.low):.1f}" '
            f'y2="{frame.y(p.high):.1f}" stroke="{COLOURS[0]}"/>'
            f'<circle cx="{x:.1f}" cy="{frame.y(p.y):.1f}" r="3.5" fill="{COLOURS[0]}">'
            f"<title>{p.x:g}: {p.y:.2f} [{p.low:.2f}, {p.high:.2f}]</title></circle>"
        )
    return frame.svg(marks, {})


def draw_curves(curves: Mapping[tuple[str, int], Curve], name: str) -> str:
    """Learning curves of several runs in one plot, seeds of a row in one colour.

    Args:
        curves: by row and seed.
        name: of the number.
    """
    steps = [step for xs, _ in curves.values() for step in xs]
    values = [value for _, ys in curves.values() for value in ys if math.isfinite(value)]
    frame = _Frame(steps, values, "step", name)
    rows = dict.fromkeys(change for change, _ in curves)
    legend = {row: COLOURS[number % len(COLOURS)] for number, row in enumerate(rows)}
    marks = []
    for (change, seed), (xs, ys) in curves.items():
        kept = [(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(y)]
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in kept)
        marks.append(
            f'<polyline points="{path}" fill="none" stroke="{legend[change]}">'
            f"<title>{html.escape(change)}, seed {seed}</title></polyline>"
        )
    return frame.svg(marks, legend)


class _Frame:
    """Axes of a plot: from values to pixels.

    Args:
        xs: all values along the horizontal axis.
        ys: along the vertical one.
        x_name: of the axis.
        y_name: likewise.
    """

    def __init__(self, xs: Sequence[float], ys: Sequence[float], x_name: str, y_name: str) -> None:
        self.x_range, self.y_range = _widen(xs), _widen(ys)
        self.x_name, self.y_name = x_name, y_name

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def svg(self, marks: Sequence[str], legend: Mapping[str, str]) -> str:
        """The plot as a file of its own, in the user's font, without anything from outside."""
        bottom = HEIGHT - BOTTOM
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            f'<path d="M{LEFT} {TOP} V{bottom} H{WIDTH - RIGHT}" fill="none" stroke="black"/>',
            f'<text x="{LEFT}" y="16" font-weight="bold">{html.escape(self.y_name)}</text>',
            f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
            f"{html.escape(self.x_name)}</text>",
        ]
        for value in _ticks(*self.x_range):
            lines.append(
                f'<text x="{self.x(value):.1f}" y="{bottom + 16}" text-anchor="middle">'
                f"{value:g}</text>"
            )
        for value in _ticks(*self.y_range):
            y = self.y(value)
            lines.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="#dddddd"/><text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                f"{value:g}</text>"
            )
        for row, (name, colour) in enumerate(legend.items()):
            lines.append(
                f'<text x="{WIDTH - RIGHT}" y="{TOP + 12 + 14 * row}" text-anchor="end" '
                f'fill="{colour}">{html.escape(name)}</text>'
            )
        return "\n".join([*lines, *marks, "</svg>"]) + "\n"


def _widen(values: Sequence[float]) -> tuple[float, float]:
    """A range with a little room at both ends, never empty."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    # a single value would be divided by a range of 0
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between, some five of them."""
    step = 10 ** math.floor(math.log10((high - low) / 5))
    step = next(step * n for n in (1, 2, 5, 10) if (high - low) / (step * n) <= 6)
    first = math.ceil(low / step)
    return [round(n * step, 12) for n in range(first, math.floor(high / step) + 1)]
