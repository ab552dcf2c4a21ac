"""What a training has logged: the scalars of all its starts, joined."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .run_record import RECORD

SCALARS = "scalars.json"
# names that stand without a group and are no curves
COUNTERS = ("step", "iter", "epoch")
GROUP = re.compile(r"(train|val|best|test)/")
RESUMED = re.compile(r"resumed epoch: (\d+), iter: (\d+)")
WARNING = re.compile(r"^\S+ \S+ - \S+ - (WARNING|ERROR|CRITICAL) - (.*)$")

BY_STEP = "log_metric_by_epoch=False"

Curve = tuple[list[int], list[float]]
"""Steps and values; nan where a value was none."""


@dataclass
class Start:
    """One start of a training: the first, or a resume.

    Attributes:
        name: of its folder, the time of the start.
        folder: with the log and ``vis_data``.
        first_step: 0, or where it was resumed; None where neither record nor log tells.
        scalars: (name, step, value) in the order in which they were logged, names with their
            group: ``train/loss``, ``val/coco/AP``, ``best/coco/AP``.
        record: of `RunRecordHook`; empty for older runs.
        warnings: lines of the log that are warnings or errors.
    """

    name: str
    folder: Path
    first_step: int | None = None
    scalars: list[tuple[str, int, float]] = field(default_factory=list)
    record: Mapping[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def last_step(self) -> int:
        """Of all that was logged; 0 where nothing was."""
        return max((step for _, step, _ in self.scalars), default=0)


def read_starts(work_dir: str | Path) -> list[Start]:
    """All starts of a training, oldest first; those that logged no scalar are left out.

    Raises:
        FileNotFoundError: there is no such folder, or no log in it.
    """
    work_dir = Path(work_dir)
    if not work_dir.is_dir():
        raise FileNotFoundError(f"there is no folder {work_dir}; give the work directory of a run")
    paths = sorted(work_dir.glob(f"*/vis_data/{SCALARS}"))
    starts = [_read_start(path) for path in paths]
    starts = [start for start in starts if start.scalars]
    if not starts:
        raise FileNotFoundError(
            f"nothing is logged in {work_dir} (no TIMESTAMP/vis_data/{SCALARS} with numbers): was "
            "anything trained? Give the work directory of one run, not a folder of several"
        )
    return starts


def last_chain(starts: Sequence[Start]) -> list[Start]:
    """The last training in a folder: its first start and those that resumed it."""
    first = len(starts) - 1
    # a start of which nothing tells where it began may be a resume
    while first > 0 and starts[first].first_step != 0:
        first -= 1
    return list(starts[first:])


def join(starts: Sequence[Start]) -> dict[str, Curve]:
    """Curves by name over all starts of a training.

    What an earlier start logged beyond the step from which a later one went on was trained again
    and is left out; of two values at a step the later one counts.
    """
    values: dict[str, dict[int, float]] = {}
    for start in starts:
        for name, by_step in values.items():
            begin = start.first_step
            if begin is None:  # then its own first entries replace what they overlap
                steps = [step for other, step, _ in start.scalars if other == name]
                begin = min(steps, default=start.last_step + 1) - 1
            values[name] = {step: value for step, value in by_step.items() if step <= begin}
        for name, step, value in start.scalars:
            values.setdefault(name, {})[step] = value
    return {
        name: (sorted(by_step), [by_step[step] for step in sorted(by_step)])
        for name, by_step in values.items()
        if by_step
    }


def _read_start(path: Path) -> Start:
    folder = path.parents[1]
    record_file = path.with_name(RECORD)
    record = _parse(record_file.read_text(encoding="utf-8")) if record_file.is_file() else None
    start = Start(folder.name, folder, record=record or {})
    start.scalars = _read_scalars(path)
    _read_text(start)
    if "start_step" in start.record:
        start.first_step = start.record["start_step"]
    return start


def _read_text(start: Start) -> None:
    """Take from the log for people what stands nowhere else."""
    path = start.folder / f"{start.name}.log"
    if not path.is_file():
        return
    start.first_step = 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        found = WARNING.match(line)
        if found:
            start.warnings.append(f"{found[1].lower()}: {found[2]}")
        resumed = RESUMED.search(line)
        if resumed:
            start.first_step = int(resumed[2])


def _parse(text: str) -> dict | None:
    """JSON with the bare NaN and Infinity that are logged; None for a line cut off by a kill."""
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _read_scalars(path: Path) -> list[tuple[str, int, float]]:
    config = path.with_name("config.py")
    # mmengine's default, with which validations lie at epochs and the training at steps
    by_epoch = config.is_file() and BY_STEP not in config.read_text(encoding="utf-8")
    found: list[tuple[str, int, float]] = []
    reached = 0
    for entry in map(_parse, path.read_text(encoding="utf-8").splitlines()):
        if entry is None or not isinstance(entry.get("step"), int):
            continue
        # of entries without groups, as in older logs, those of the training alone have these
        is_training = "iter" in entry or "loss" in entry
        group, step = ("train" if is_training else "val"), entry["step"]
        if is_training:
            reached = step
        elif by_epoch:
            step = reached
        for name, value in entry.items():
            if name not in COUNTERS and type(value) in (int, float):
                found.append((name if GROUP.match(name) else f"{group}/{name}", step, float(value)))
    return found
