"""What a score sweep shows: a table for the terminal and pages, and a plot that is one SVG file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bmp.evaluation.score_sweep import Score, SweepRow

KIND_NAMES = {"bbox": "box", "segm": "mask", "keypoints": "pose"}
# of Okabe and Ito (2008): told apart also without red or green
COLOURS = {"bbox": "#0072B2", "segm": "#D55E00", "keypoints": "#009E73"}
_WIDTH, _HEIGHT, _MARGIN = 420, 320, 50  # of a panel, SVG units
_CENTRED = 'text-anchor="middle"'


def format_table(rows: Sequence[SweepRow], heading: str, *, same_people: bool = False) -> str:
    """The rows as a Markdown table.

    Args:
        rows: of one sweep.
        heading: of the first column.
        same_people: whether all rows have the same people, ranked otherwise; then their number,
            precision and recall say nothing and are left out.

    Returns:
        AP with its interval, difference to the reference with its paired interval, precision and
        recall, in percent. ``=`` marks differences that cannot be told from zero.
    """
    kinds = list(rows[0].scores)
    names = [KIND_NAMES[kind] for kind in kinds]
    reference = next(row.name for row in rows if row.is_reference)
    header = [heading, *(f"{name} AP" for name in names)]
    header += [f"{name}, to {reference}" for name in names]
    header += [f"{name} precision / recall" for name in names] + ["people"]
    shown = len(header) - (len(kinds) + 1) * same_people
    cells = [header, ["---"] * len(header)]
    for row in rows:
        scores = [row.scores[kind] for kind in kinds]
        cells.append(
            [
                row.name,
                *(f"{_percent(s.ap)} [{_percent(s.low)}, {_percent(s.high)}]" for s in scores),
                *("" if row.is_reference else _difference(s) for s in scores),
                *(f"{_percent(s.precision)} / {_percent(s.recall)}" for s in scores),
                str(row.num_people),
            ]
        )
    return "\n".join(f"| {' | '.join(line[:shown])} |" for line in cells)


def _percent(value: float, sign: str = "") -> str:
    return "–" if math.isnan(value) else f"{100 * value:{sign}.1f}"


def _difference(score: Score) -> str:
    ends = f"[{_percent(score.difference_low, '+')}, {_percent(score.difference_high, '+')}]"
    mark = "" if score.is_told_from_zero else " ="
    return f"{_percent(score.difference, '+')} {ends}{mark}"


def plot(rows: Sequence[SweepRow], heading: str, *, same_people: bool = False) -> str:
    """AP with intervals over the settings, and beside it precision over recall.

    Args:
        rows: of one sweep, in the order of the first panel.
        heading: what the settings are.
        same_people: as for :func:`format_table`; then there is one wide panel.

    Returns:
        A whole SVG file, without scripts, fonts or links.
    """
    kinds = list(rows[0].scores)
    width, height = 2 * _WIDTH, _HEIGHT + 30
    first = Panel(0, width if same_people else _WIDTH)
    ap_panel = _ap_panel(first, rows, kinds, heading, joined=not same_people)
    content = [ap_panel, _legend(kinds)]
    if not same_people:
        content.append(_recall_panel(Panel(_WIDTH, _WIDTH), rows, kinds))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(content) + "\n</svg>\n"
    )


@dataclass(frozen=True)
class Panel:
    """A plot within the file.

    Attributes:
        left: where it begins, SVG units.
        width: with its margins.
    """

    left: int
    width: int

    def point(self, x: float, y: float) -> tuple[float, float]:
        """SVG coordinates of shares of the plot, y upwards."""
        across, up = self.width - 1.5 * _MARGIN, _HEIGHT - 1.5 * _MARGIN
        return self.left + _MARGIN + x * across, _HEIGHT - _MARGIN - y * up


def _ap_panel(
    panel: Panel, rows: Sequence[SweepRow], kinds: Sequence[str], heading: str, *, joined: bool
) -> str:
    top = _ceiling(max(row.scores[kind].high for row in rows for kind in kinds))
    places = [(n + 0.5) / len(rows) for n in range(len(rows))]
    shapes = [_frame(panel, heading, "AP, % (95 % interval)", top)]
    for place, row in zip(places, rows, strict=True):
        weight = ' font-weight="bold"' if row.is_reference else ""
        shapes.append(_text(panel.point(place, 0), _short(row), f'{_CENTRED} dy="14"{weight}'))
    for n, kind in enumerate(kinds):
        aside = 6 * (n - (len(kinds) - 1) / 2)  # intervals would cover each other
        line = []
        for place, row in zip(places, rows, strict=True):
            score = row.scores[kind]
            ends = [panel.point(place, value / top)[1] for value in (score.low, score.high)]
            x, y = panel.point(place, score.ap / top)
            line.append((x + aside, y))
            shapes.append(_bar(x + aside, ends, kind) + _dot(line[-1], kind))
        shapes += [_line(line, kind)] if joined else []  # names have nothing between them
    return "\n".join(shapes)


def _recall_panel(panel: Panel, rows: Sequence[SweepRow], kinds: Sequence[str]) -> str:
    shapes = [_frame(panel, "recall at IoU or OKS 0.5, %", "precision, %", 1.0)]
    for share in (0.25, 0.5, 0.75, 1.0):
        shapes.append(_text(panel.point(share, 0), f"{100 * share:.0f}", f'{_CENTRED} dy="14"'))
    for kind in kinds:
        known = [row for row in rows if not math.isnan(sum(_place(row, kind)))]
        points = [panel.point(*_place(row, kind)) for row in known]
        shapes.append(_line(points, kind))
        for point, row in zip(points, known, strict=True):
            label = _text(point, _short(row), 'dx="5" dy="-4" font-size="9"')
            shapes.append(_dot(point, kind) + label)
    return "\n".join(shapes)


def _place(row: SweepRow, kind: str) -> tuple[float, float]:
    return row.scores[kind].recall, row.scores[kind].precision


def _short(row: SweepRow) -> str:
    return escape(row.name.replace("_scores", ""))


def _ceiling(value: float) -> float:
    """The next tenth above, so that all panels of a page have round ends."""
    return math.ceil(max(value, 0.01) * 10) / 10


def _frame(panel: Panel, x_name: str, y_name: str, top: float) -> str:
    (left, bottom), (right, upper) = panel.point(0, 0), panel.point(1, 1)
    shapes = [
        f'<rect x="{left:.1f}" y="{upper:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - upper:.1f}" fill="none" stroke="#888"/>',
        _text(((left + right) / 2, bottom), escape(x_name), f'{_CENTRED} dy="30"'),
        _text((left, upper), escape(y_name), 'dy="-8"'),
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = panel.point(0, share)
        shapes.append(f'<path d="M{x:.1f} {y:.1f}H{right:.1f}" stroke="#ddd"/>')
        shapes.append(_text((x, y), f"{100 * share * top:.4g}", 'text-anchor="end" dx="-5" dy="4"'))
    return "\n".join(shapes)


def _legend(kinds: Sequence[str]) -> str:
    entries = []
    for n, kind in enumerate(kinds):
        point = _MARGIN + 80 * n, _HEIGHT + 15
        entries.append(_dot(point, kind) + _text(point, KIND_NAMES[kind], 'dx="8" dy="4"'))
    return "\n".join(entries)


def _line(points: Sequence[tuple[float, float]], kind: str) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{COLOURS[kind]}"/>'


def _bar(x: float, ends: Sequence[float], kind: str) -> str:
    path = f"M{x:.1f} {ends[0]:.1f}V{ends[1]:.1f}"
    return f'<path d="{path}" stroke="{COLOURS[kind]}" stroke-width="1.5"/>'


def _dot(point: tuple[float, float], kind: str) -> str:
    return f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="3" fill="{COLOURS[kind]}"/>'


def _text(point: tuple[float, float], text: str, attributes: str) -> str:
    return f'<text x="{point[0]:.1f}" y="{point[1]:.1f}" {attributes}>{text}</text>'
