"""The table of an ablation, from the files that its runs stored."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmpose.engine.config_difference import flatten

from .comparison import Gain, compare
from .definition import BASE
from .identity import hash_of
from .measures import (
    Measured,
    count_images,
    find_reports,
    measure,
    pick_name,
    read_facts,
    read_shown,
)
from .plan import SHORT, Plan, Run
from .run_folder import RunFolder
from .store import RunStore


@dataclass(frozen=True)
class Cell:
    """A number of a row.

    Attributes:
        mean: over seeds.
        deviation: standard deviation over seeds (n − 1); None of one seed.
        gain: over the base; None of the base itself.
        name: of the number that a pattern picked.
    """

    mean: float
    deviation: float | None
    gain: Gain | None
    name: str


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        change: its name.
        options: what it sets.
        states: of its runs, by how many there are.
        num_images: of each run's last test.
        cells: by column, as far as runs are done.
        facts: means over seeds of ``seconds`` and ``cpu_seconds``, maxima of ``peak_mb`` and
            ``peak_gpu_mb``, and what the tool told of the first seed: ``num_parameters``, calls.
        sources: commit, versions, machine and data of its runs.
        reports: HTML pages of its first finished run, from the folder of the ablation.
    """

    change: str
    options: Mapping[str, Any]
    states: Mapping[str, int]
    num_images: int | None = None
    cells: Mapping[str, Cell] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Any] = field(default_factory=dict)
    reports: Sequence[Path] = ()


@dataclass(frozen=True)
class Table:
    """What an ablation found.

    Attributes:
        name: of the ablation.
        base: its config file and hash.
        columns: patterns of numbers.
        rows: base first.
        old: rows of another base, by its hash: names of their folders.
        measured: by row, column and seed.
    """

    name: str
    base: str
    columns: Sequence[str]
    rows: Sequence[Row]
    old: Mapping[str, Sequence[str]]
    measured: Mapping[str, Mapping[str, Mapping[int, Measured]]]


def make_table(plan: Plan, store: RunStore) -> Table:
    """Read what all rows stored and compare them with the base.

    Raises:
        ValueError: a run of the base is done, and no row has a number that is to be shown.
    """
    show = plan.ablation.show
    metrics = {run.hash: _metrics(store.folder(run), show) for run in plan.runs}
    columns = list(show) or _all_precisions(metrics)
    _refuse_unknown(plan, columns, metrics)
    measured = {
        change: _measure(runs, columns, metrics, store) for change, runs in plan.rows().items()
    }
    rows = [
        _make_row(change, runs, measured, metrics, store) for change, runs in plan.rows().items()
    ]
    base = f"{plan.ablation.base.name} ({plan.base_hash[:SHORT]})"
    return Table(plan.ablation.name, base, columns, rows, _old_rows(plan, store), measured)


def _metrics(folder: RunFolder, show: Sequence[str]) -> dict[str, float]:
    # one that is not done may have numbers of its first steps, which are none of the row
    return read_shown(folder, show) if folder.record().get("state") == "done" else {}


def _all_precisions(metrics: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Without a wish: each AP of the last turn or test."""
    names = dict.fromkeys(name for numbers in metrics.values() for name in numbers)
    return [name for name in names if name.endswith("AP")]


def _refuse_unknown(
    plan: Plan, columns: Sequence[str], metrics: Mapping[str, Mapping[str, float]]
) -> None:
    known = list(dict.fromkeys(name for numbers in metrics.values() for name in numbers))
    for column in columns:
        if known and not any(pick_name(numbers, column) for numbers in metrics.values()):
            near = difflib.get_close_matches(column, known, n=3, cutoff=0.4)
            raise ValueError(
                f"{plan.ablation.name} shows {column!r}, which no run gives; near it: "
                f"{', '.join(near or known[:5])} (of {len(known)}); the runs are kept, change "
                "`show` and call again"
            )


def _measure(
    runs: Sequence[Run],
    columns: Sequence[str],
    metrics: Mapping[str, Mapping[str, float]],
    store: RunStore,
) -> dict[str, dict[int, Measured]]:
    """By column and seed."""
    found: dict[str, dict[int, Measured]] = {column: {} for column in columns}
    for run in runs:
        for column in columns:
            name = pick_name(metrics[run.hash], column)
            if name is not None:
                found[column][run.seed] = measure(store.folder(run), name, metrics[run.hash])
    return found


def _make_row(
    change: str,
    runs: Sequence[Run],
    measured: Mapping[str, Mapping[str, Mapping[int, Measured]]],
    metrics: Mapping[str, Mapping[str, float]],
    store: RunStore,
) -> Row:
    folders = [store.folder(run) for run in runs]
    states = [folder.state() for folder in folders]
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    done = [n for n, state in enumerate(states) if state == "done"]
    if not done:
        return Row(change, runs[0].options, counts)
    cells = {}
    for column, by_seed in measured[change].items():
        if by_seed:
            gain = None if change == BASE else compare(measured[BASE][column], by_seed)
            first = metrics[runs[done[0]].hash]
            cells[column] = _cell(list(by_seed.values()), gain, pick_name(first, column) or column)
    return Row(
        change,
        runs[0].options,
        counts,
        count_images(folders[done[0]], metrics[runs[done[0]].hash]),
        cells,
        _facts([folders[n] for n in done]),
        _sources([folders[n] for n in done]),
        _links(runs[done[0]], folders[done[0]]),
    )


def _links(run: Run, folder: RunFolder) -> list[Path]:
    """Pages of a run as seen from the folder of the ablation, which links to the run."""
    return [Path(run.name, page.relative_to(folder.path)) for page in find_reports(folder)]


def _cell(values: Sequence[Measured], gain: Gain | None, name: str) -> Cell:
    numbers = np.array([one.value for one in values])
    deviation = float(numbers.std(ddof=1)) if len(numbers) > 1 else None
    return Cell(float(numbers.mean()), deviation, gain, name)


def _facts(folders: Sequence[RunFolder]) -> dict[str, Any]:
    facts = [read_facts(folder) for folder in folders]
    merged = dict(facts[0])
    for name in ("seconds", "cpu_seconds"):
        known = [one[name] for one in facts if one[name] is not None]
        merged[name] = float(np.mean(known)) if known else None
    for name in ("peak_mb", "peak_gpu_mb"):
        known = [one[name] for one in facts if one.get(name) is not None]
        merged[name] = max(known) if known else None
    return merged


def _sources(folders: Sequence[RunFolder]) -> dict[str, Any]:
    """Commit, versions, machine and data; what differs between seeds is told as a list."""
    sources: dict[str, list] = {}
    for folder in folders:
        record = folder.record()
        commit = (record.get("commit") or "no repository")[:SHORT]
        versions = record.get("versions", {})
        entry = {
            "commit": commit + (" + changes" if record.get("is_dirty") else ""),
            "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
            "machine": f"{record.get('host')}, {record.get('num_cores')} × "
            f"{record.get('processor')}",
            "data": _data_hash(folder),
        }
        for name, value in entry.items():
            if value not in sources.setdefault(name, []):
                sources[name].append(value)
    return {name: " / ".join(values) for name, values in sources.items()}


def _data_hash(folder: RunFolder) -> str:
    """Of the annotation files of a run's steps."""
    flat = flatten(folder.recipe()["contents"])
    files = {value for place, value in flat.items() if place.rsplit(".", 1)[-1] == "ann_file"}
    return hash_of(sorted(map(str, files)))[:SHORT] if files else "-"


def _old_rows(plan: Plan, store: RunStore) -> dict[str, list[str]]:
    old: dict[str, list[str]] = {}
    for row in store.rows(plan.ablation.name):
        if row["base"] != plan.base_hash:
            name = f"{row['change']}-{row['seed']}-{row['hash'][:SHORT]}"
            old.setdefault(row["base"][:SHORT], []).append(name)
    return old
