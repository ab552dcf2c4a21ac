"""The table of an ablation as Markdown, CSV and LaTeX."""

import csv
import io
from collections.abc import Sequence

from .definition import BASE
from .measures import is_share, scale_of
from .table import Cell, Row, Table

MARKS = {"unclear": "≈", "equal": "=", "higher": "", "lower": "", "unknown": "?"}
EXPLAINED = (
    "Number: mean over seeds ± standard deviation. Brackets: difference to the base, its 95 % "
    "interval (paired bootstrap over images and seeds; Student's over seeds where there are no "
    "result files), probability that it is positive. ≈: cannot be told from the base. =: not one "
    "drawn result differs. ?: nothing tells how sure the difference is."
)


def to_markdown(table: Table) -> str:
    """As a page: the table, what it means, where it comes from."""
    grid = _grid(table)
    lines = [f"# {table.name}", "", f"Base: {table.base}.", ""]
    lines += [_markdown_line(grid[0]), "|" + " --- |" * len(grid[0])]
    lines += [_markdown_line(row) for row in grid[1:]]
    lines += ["", EXPLAINED, *_notes(table)]
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """As a tabular of booktabs."""
    grid = [[_escape(cell) for cell in row] for row in _grid(table, with_links=False)]
    lines = [
        rf"% {table.name}, base {table.base}",
        rf"\begin{{tabular}}{{l{'r' * (len(grid[0]) - 1)}}}",
    ]
    lines += [r"\toprule", " & ".join(grid[0]) + r" \\", r"\midrule"]
    lines += [" & ".join(row) + r" \\" for row in grid[1:]]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def to_csv(table: Table) -> str:
    """One line per row, numbers not rounded, each part in a column of its own."""
    text = io.StringIO()
    writer = csv.writer(text)
    parts = ("", " sd", " difference", " low", " high", " probability", " verdict")
    facts = (
        "seconds",
        "cpu_seconds",
        "peak_mb",
        "peak_gpu_mb",
        "num_parameters",
        "asked",
        "computed",
    )
    sources = ("commit", "versions", "machine", "data")
    header = ["change", "options", "images", "runs"]
    header += [column + part for column in table.columns for part in parts]
    writer.writerow([*header, *facts, *sources, "reports"])
    for row in table.rows:
        cells: list = [row.change, dict(row.options), row.num_images, _states(row)]
        for column in table.columns:
            cells += _parts(row.cells.get(column))
        cells += [row.facts.get(name) for name in facts]
        cells += [row.sources.get(name) for name in sources]
        writer.writerow([*cells, " ".join(map(str, row.reports))])
    return text.getvalue()


def _parts(cell: Cell | None) -> list:
    if cell is None:
        return [None] * 7
    gain = cell.gain
    if gain is None:
        return [cell.mean, cell.deviation, *[None] * 5]
    return [
        *(cell.mean, cell.deviation, gain.difference),
        *(gain.low, gain.high, gain.probability, gain.verdict),
    ]


def _means(table: Table, column: str) -> list[float]:
    return [row.cells[column].mean for row in table.rows if column in row.cells]


def _grid(table: Table, *, with_links: bool = True) -> list[list[str]]:
    """Cells as text, the header first; links to reports are Markdown's."""
    header = ["change", "images", "runs"]
    header += [f"{column} %" if is_share(column) else column for column in table.columns]
    header += ["seconds", "peak MB", "parameters"]
    has_reports = with_links and any(row.reports for row in table.rows)
    grid = [header + (["reports"] if has_reports else [])]
    scales = {c: scale_of(c, _means(table, c)) for c in table.columns}
    for row in table.rows:
        cells = [row.change, _or_dash(row.num_images), _states(row)]
        cells += [_cell_text(row.cells.get(c), c, scales[c]) for c in table.columns]
        seconds, peak = row.facts.get("seconds"), row.facts.get("peak_mb")
        cells.append("-" if seconds is None else f"{seconds:.1f}")
        cells.append("-" if peak is None else f"{peak:.0f}")
        count = row.facts.get("num_parameters")
        cells.append("-" if count is None else f"{count / 1e6:.2f} M")
        links = " ".join(f"[{path.stem}]({path})" for path in row.reports)
        cells += [links or "-"] if has_reports else []
        grid.append(cells)
    return grid


def _cell_text(cell: Cell | None, column: str, scale: int) -> str:
    if cell is None:
        return "-"
    digits = 2 if is_share(column) else 4

    def show(value: float, sign: str = "") -> str:
        return f"{scale * value:{sign}.{digits}f}"

    text = show(cell.mean)
    if cell.deviation is not None:
        text += f" ± {show(cell.deviation)}"
    gain = cell.gain
    if gain is None:
        return text
    text += f" ({show(gain.difference, '+')}"
    if gain.low is not None:
        text += f" [{show(gain.low, '+')}, {show(gain.high, '+')}], P {gain.probability:.2f}"
    return f"{text}) {MARKS[gain.verdict]}".rstrip()


def _states(row: Row) -> str:
    """``3``, or what is not done: ``2, 1 failed``."""
    others = [f"{count} {state}" for state, count in row.states.items() if state != "done"]
    return ", ".join([str(row.states.get("done", 0)), *others])


def _notes(table: Table) -> list[str]:
    lines = []
    unsure = [
        f"{row.change} ({column})"
        for row in table.rows
        for column, cell in row.cells.items()
        if cell.gain is not None and cell.gain.verdict in ("unclear", "equal", "unknown")
    ]
    compared = sum(cell.gain is not None for row in table.rows for cell in row.cells.values())
    if unsure:
        lines += ["", f"Not told from the base, {len(unsure)} of {compared}: {', '.join(unsure)}."]
    if compared > 1:
        by_chance = f"{0.05 * compared:.1f}"
        lines += [f"Of {compared} comparisons of nothing, {by_chance} would look real at 95 %."]
    lines += _calls(table)
    for name in ("commit", "data", "machine", "versions"):
        lines += _source_lines(table, name)
    for base, names in table.old.items():
        lines += ["", f"Not shown, of another base ({base}): {', '.join(names)}."]
    options = [f"{r.change}: {_options(r)}" for r in table.rows if r.change != BASE]
    return [*lines, "", *(f"- {option}" for option in options)]


def _calls(table: Table) -> list[str]:
    """What each stage had to compute of what it was asked, where a cache counted that."""
    lines = []
    for row in table.rows:
        asked, computed = row.facts.get("asked"), row.facts.get("computed")
        if asked:
            told = ", ".join(f"{s} {(computed or {}).get(s, 0)} of {n}" for s, n in asked.items())
            lines.append(f"- {row.change}: {told}")
    return ["", "Computed of asked, the rest came from the cache:", *lines] if lines else []


def _options(row: Row) -> str:
    return ", ".join(f"`{key}={value!r}`" for key, value in row.options.items())


def _source_lines(table: Table, name: str) -> list[str]:
    """One line where all rows agree, else which rows are of which."""
    by_source: dict[str, list[str]] = {}
    for row in table.rows:
        if name in row.sources:
            by_source.setdefault(row.sources[name], []).append(row.change)
    if len(by_source) == 1:
        return ["", f"{name.capitalize()}: {next(iter(by_source))}."]
    lines = [f"- {source}: {', '.join(rows)}" for source, rows in by_source.items()]
    return ["", f"**Rows differ in {name}**:", *lines] if lines else []


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _escape(text: str) -> str:
    # the backslash first, or those of the others would be escaped again
    for sign in "\\&%$#_{}":
        text = text.replace(sign, rf"\{sign}" if sign != "\\" else r"\textbackslash ")
    for sign, command in {"~": r"\textasciitilde ", "^": r"\textasciicircum "}.items():
        text = text.replace(sign, command)
    return text.replace("≈", r"$\approx$").replace("±", r"$\pm$")


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
