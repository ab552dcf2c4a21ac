"""Run rows again, compare their numbers with the last ones, and say which moved."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from mmpose.project import PROJECT_ROOT

from .rows import TEST, Row, Tolerance, Value
from .sources import hashes_of, missing

State = Literal["same", "new", "moved", "failed", "cannot run"]
_MINUTE = 60
_TOLD_LINES = 3  # of a command that failed


@dataclass(frozen=True)
class Move:
    """One number that is not what the ledger says; None where one side has none."""

    name: str
    before: Value
    after: Value


@dataclass
class Outcome:
    """What became of one row.

    Attributes:
        row: the row.
        state: ``new`` where there was no last value to compare with.
        reasons: what is missing, why it failed, or which data or weights are others than before.
        moves: numbers beyond the tolerance.
        values: all numbers that the command gave.
        minutes: it took.
    """

    row: Row
    state: State
    reasons: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    values: Mapping[str, Value] = field(default_factory=dict)
    minutes: float = 0.0


def compare(
    expected: Mapping[str, Value], values: Mapping[str, Value], tolerance: Tolerance
) -> list[Move]:
    """Numbers that differ by more than the tolerance, or that are gone.

    Args:
        expected: by name; one that is None has no last value and cannot move.
        values: by name; those that are not expected do not count.
        tolerance: of whole numbers and of all others.
    """
    moves = []
    for name, before in expected.items():
        after = values.get(name)
        if before is None:
            continue
        is_whole = isinstance(before, int) and isinstance(after, int)
        allowed = tolerance.count if is_whole else tolerance.share
        # not ">": nan is a move
        if after is None or not abs(after - before) <= allowed:
            moves.append(Move(name, before, after))
    return moves


def run_command(row: Row, folder: Path) -> str | None:
    """Run a row's command in a process of its own, so that a crash is no crash of ours.

    Args:
        row: to run.
        folder: for all that it writes; `read_numbers` finds the numbers there.

    Returns:
        The end of what it printed where it failed, else None.
    """
    places = ["--out", str(folder)]
    if row.tool == TEST:
        places = ["--out", str(folder / "numbers.json"), "--work-dir", str(folder / "work_dir")]
    command = [sys.executable, *row.arguments(), *places]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode == 0:
        return None
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return f"exit code {done.returncode}: " + " / ".join(lines[-_TOLD_LINES:])


def read_numbers(row: Row, folder: Path) -> dict[str, Value]:
    """Numbers by name of a command that has run."""
    name = "numbers.json" if row.tool == TEST else "sweep.json"
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    return content if row.tool == TEST else content["numbers"]


def run_row(row: Row, run: Callable[[Row, Path], str | None] = run_command) -> Outcome:
    """Run one row where this machine can, and compare.

    Args:
        row: to run.
        run: runs its command, see `run_command`.
    """
    try:
        lacks = missing(row)
        if lacks:
            return Outcome(row, "cannot run", lacks)
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            error = run(row, folder)
            if error is not None:
                return Outcome(row, "failed", [error])
            values = read_numbers(row, folder)
        minutes = (time.monotonic() - started) / _MINUTE
        return judge(row, values, minutes, changed_sources(row))
    # whatever is wrong with one row, the others run
    except Exception as error:
        return Outcome(row, "failed", [f"{type(error).__name__}: {error}"])


def judge(
    row: Row, values: Mapping[str, Value], minutes: float = 0.0, reasons: list[str] | None = None
) -> Outcome:
    """Compare a row's numbers with its last ones.

    Published numbers are told beside ours; they are others' and nothing of ours moves by them.
    """
    known = {name: value for name, value in row.values.items() if value is not None}
    moves = compare(known, values, row.tolerance)
    state = "moved" if moves else "same" if known else "new"
    told = [
        f"{name}: {values[name]:.4f}, published {value:.4f}"
        for name, value in row.published.items()
        if name in values
    ]
    return Outcome(row, state, [*(reasons or []), *told], moves, values, minutes)


def changed_sources(row: Row) -> list[str]:
    """Data and weights that are others than those of the last values."""
    data, weights = hashes_of(row)
    pairs = [("data", row.data, data), ("weights", row.weights, weights)]
    return [
        f"{kind} {name} are others than on {row.date}"
        for kind, before, now in pairs
        for name in before
        if now.get(name) not in (None, before[name])
    ]


def update_row(outcome: Outcome) -> None:
    """Take the numbers, hashes, minutes and date of a run over into its row.

    A row that names no numbers yet takes all of them.
    """
    row = outcome.row
    names = row.values or outcome.values
    row.values = {name: outcome.values.get(name) for name in names}
    row.data, row.weights = hashes_of(row)
    row.minutes, row.date = round(outcome.minutes, 1), date.today().isoformat()


def describe(outcome: Outcome) -> str:
    """One line, and one below it for each number that moved and each reason."""
    took = f" ({outcome.minutes:.1f} min)" if outcome.minutes else ""
    lines = [f"{outcome.row.id}: {outcome.state}{took}"]
    for move in outcome.moves:
        after = "gone" if move.after is None else f"{move.after:.6g}"
        lines.append(f"    {move.name}: {move.before:.6g} -> {after}")
    return "\n".join([*lines, *(f"    {reason}" for reason in outcome.reasons)])
