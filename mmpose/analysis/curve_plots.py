"""Curves over the steps of a training, as SVG in the classes of the report's page."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from mmpose.engine.run_logs import Curve

from .report_plots import NUM_SHADES, legend_of, line_of, rect_of, svg_of, text_of

LEFT, RIGHT, TOP, BOTTOM = 52, 14, 10, 34
WIDTH, HEIGHT = 330, 170  # of the frame, in units of the drawing
MOST_POINTS = 400  # of a curve; longer ones are averaged in pieces
DECADES = 30.0  # ratio of largest and smallest value from which an axis is logarithmic
NUM_TICKS = 4


class Axis:
    """A range of numbers, laid along a length.

    Args:
        low: smallest number shown.
        high: largest.
        length: in units of the drawing.
        is_log: equal ratios are equally long.
    """

    def __init__(self, low: float, high: float, length: float, *, is_log: bool = False) -> None:
        self.is_log = is_log
        self.length = length
        self.low, self.high = (math.log10(low), math.log10(high)) if is_log else (low, high)
        if self.high - self.low < 1e-12 * max(abs(self.high), 1):  # one value: in the middle
            margin = abs(self.low) * 0.1 or 1.0
            self.low, self.high = self.low - margin, self.high + margin

    def place(self, value: float) -> float:
        """Where a number is, from the start of the axis."""
        value = math.log10(value) if self.is_log else value
        return (value - self.low) / (self.high - self.low) * self.length

    def ticks(self) -> list[float]:
        """Round numbers within the range."""
        if self.is_log and self.high - self.low >= 1:
            powers = range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1)
            return [10.0**power for power in powers[:: max(len(powers) // NUM_TICKS, 1)]]
        low, high = (10**self.low, 10**self.high) if self.is_log else (self.low, self.high)
        rough = (high - low) / NUM_TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
        first = math.ceil(low / step - 1e-9)
        return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def curve_plot(
    curves: Mapping[str, Curve],
    name: str,
    *,
    best: tuple[int, float] | None = None,
    resumes: Sequence[int] = (),
) -> Markup:
    """Curves over steps.

    Args:
        curves: by name; of more than six, six are drawn, evenly chosen. Values that are not
            finite leave a gap and a mark on the axis of steps.
        name: of the plot, for those who cannot see it.
        best: step and value of a point that is marked.
        resumes: steps at which the training went on after a stop, drawn as dashed lines.
    """
    names = list(curves)
    if len(names) > NUM_SHADES:
        names = [names[round(i)] for i in np.linspace(0, len(names) - 1, NUM_SHADES)]
    thin = {one: thin_out(curves[one]) for one in names}
    steps = [step for one in names for step in curves[one][0]]
    values = np.array([v for _, column in thin.values() for v in column], float)
    finite = values[np.isfinite(values)]
    is_log = len(finite) > 0 and finite.min() > 0 and finite.max() > DECADES * finite.min()
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    along = Axis(min(steps, default=0), max(steps, default=1), WIDTH)
    upward = Axis(float(low), float(high), HEIGHT, is_log=is_log)
    parts = [_frame(along, upward)]
    for step in resumes:
        if min(steps, default=0) <= step <= max(steps, default=0):
            x = LEFT + along.place(step)
            parts.append(line_of(x, TOP, x, TOP + HEIGHT, "diagonal"))
    for shade, one in enumerate(names):
        parts.append(_curve(one, thin[one], along, upward, shade))
    if best is not None:
        parts.append(_mark(*best, along, upward))
    size = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM
    svg = svg_of(*size, name, parts, size[0] * 1.6)
    return svg + legend_of(names) if len(names) > 1 else svg


def thin_out(curve: Curve) -> Curve:
    """A curve of at most 400 points: means of equal pieces; a piece with a nan is nan."""
    steps, values = (np.asarray(column, float) for column in curve)
    if len(steps) <= MOST_POINTS:
        return steps.tolist(), values.tolist()
    pieces = np.array_split(np.arange(len(steps)), MOST_POINTS)
    with np.errstate(invalid="ignore"):  # inf - inf is the nan that is meant
        means = [(steps[rows].mean(), values[rows].mean()) for rows in pieces]
    return [step for step, _ in means], [value for _, value in means]


def short(value: float) -> str:
    """A number on an axis."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    return f"{value:.2g}".replace("e-0", "e-").replace("e+0", "e")


def _frame(along: Axis, upward: Axis) -> Markup:
    parts = [rect_of(LEFT, TOP, WIDTH, HEIGHT, "frame")]
    for tick in upward.ticks():
        y = TOP + HEIGHT - upward.place(tick)
        parts.append(line_of(LEFT, y, LEFT + WIDTH, y, "grid"))
        parts.append(text_of(LEFT - 5, y + 4, short(tick), "end"))
    for tick in along.ticks():
        parts.append(text_of(LEFT + along.place(tick), TOP + HEIGHT + 14, f"{tick:g}", "middle"))
    told = "step" + ("; logarithmic" if upward.is_log else "")
    parts.append(text_of(LEFT + WIDTH / 2, TOP + HEIGHT + 28, told, "middle"))
    return Markup("").join(parts)


def _curve(name: str, curve: Curve, along: Axis, upward: Axis, shade: int) -> Markup:
    """A line with gaps, points where a gap leaves one alone, and marks where it is not finite."""
    pieces: list[list[tuple[float, float]]] = [[]]
    lost = []
    for step, value in zip(*curve, strict=True):
        x = LEFT + along.place(step)
        if math.isfinite(value):
            pieces[-1].append((x, TOP + HEIGHT - upward.place(value)))
        else:
            lost.append(text_of(x, TOP + HEIGHT - 3, "×", "middle"))
            pieces.append([])
    drawn = []
    for piece in filter(None, pieces):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece)
        drawn.append(Markup('<polyline class="line{}" points="{}"/>').format(shade, points))
        if len(piece) == 1:
            drawn.append(_dot(*piece[0], f"shade{shade}", 2))
    told = Markup("<title>{}</title>").format(name)
    return Markup("<g>{}{}</g>").format(told, Markup("").join(drawn + lost))


def _mark(step: int, value: float, along: Axis, upward: Axis) -> Markup:
    x, y = LEFT + along.place(step), TOP + HEIGHT - upward.place(value)
    is_left = x < LEFT + WIDTH / 2
    label = text_of(x + (7 if is_left else -7), max(y - 6, TOP + 10), short(value), "start")
    if not is_left:
        label = text_of(x - 7, max(y - 6, TOP + 10), short(value), "end")
    told = Markup("<title>best: {} at step {}</title>").format(short(value), step)
    return Markup("<g>{}{}{}</g>").format(told, _dot(x, y, "dot", 4), label)


def _dot(x: float, y: float, kind: str, radius: float) -> Markup:
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:g}"/>').format(
        kind, x, y, radius
    )
