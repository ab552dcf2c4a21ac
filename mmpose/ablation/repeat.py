"""``--check base``: does the base give the same numbers twice, one by one?

If it does not, differences between rows hold the noise of the machine.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmpose.datasets.annotation_files import read_json
from mmpose.files import write_json

from .curves import read_scalars
from .plan import Run, Step
from .run_folder import CHECKPOINT
from .store import RESULTS, with_result_files, write_config

Numbers = dict[str, list[float]]
"""By name: losses step by step, or the numbers of a test."""
TOLD = 5


@dataclass(frozen=True)
class Mismatch:
    """Two numbers that should be equal.

    Attributes:
        name: of the loss or metric.
        place: step, from 0.
        first: its value, None where it is missing.
        second: likewise.
    """

    name: str
    place: int
    first: float | None
    second: float | None


def run_base(run: Run, tools: Path, folder: Path, *, steps: int) -> Numbers:
    """Run the base's steps once in a fresh folder, trainings cut short.

    Args:
        run: of the base.
        tools: folder of ``train.py`` and ``test.py``.
        folder: that does not exist yet.
        steps: of each training; every one is logged by itself.

    Returns:
        Losses of every step and numbers of the tests.

    Raises:
        ValueError: a tool failed; with its last lines.
    """
    numbers: Numbers = {}
    checkpoint = ""
    for step in run.steps:
        work_dir = folder / step.name
        command = _command(step, tools, folder, checkpoint, steps)
        _call([*command, "--work-dir", str(work_dir)])
        if step.task == "train":
            found = {name: values for name, (_, values) in read_scalars(work_dir).items()}
            last = work_dir / "last_checkpoint"
            checkpoint = last.read_text(encoding="utf-8").strip() if last.is_file() else ""
        else:
            found = {name: [v] for name, v in read_json(work_dir / "metrics.json").items()}
        numbers |= {f"{step.name}/{name}": values for name, values in found.items()}
    return {name: values for name, values in numbers.items() if "seconds" not in name}


def _command(step: Step, tools: Path, folder: Path, checkpoint: str, steps: int) -> list[str]:
    """Write the config of a step; the call of its tool but for the work directory."""
    work_dir, path = folder / step.name, folder / f"{step.name}.py"
    config = _shortened(step.config, steps) if step.task == "train" else dict(step.config)
    # answers of a cache would be equal whatever the machine does
    config["model"] = {k: v for k, v in config["model"].items() if k != "cache"}
    write_config(path, with_result_files(config, str(work_dir / RESULTS)))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(CHECKPOINT, checkpoint), encoding="utf-8")
    command = [sys.executable, str(tools / f"{step.task}.py"), str(path)]
    if step.task == "train":
        return command
    command += [checkpoint] if checkpoint and CHECKPOINT not in text else []
    return [*command, "--out", str(work_dir / "metrics.json")]


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-20:]
        raise ValueError(f"{Path(command[1]).name} failed; its last lines:\n" + "\n".join(lines))


def _shortened(config: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """A training of a few steps, each logged by itself, with a checkpoint at the end."""
    config = dict(config)
    loop = dict(config["train_cfg"])
    if "max_epochs" in loop or loop.get("by_epoch"):
        loop = {"type": "IterBasedTrainLoop"}
    config["train_cfg"] = {**loop, "max_iters": steps, "val_interval": steps + 1}
    hooks = dict(config.get("default_hooks") or {})
    hooks["logger"] = {**hooks.get("logger", {"type": "LoggerHook"}), "interval": 1}
    hooks["checkpoint"] = {
        **hooks.get("checkpoint", {"type": "CheckpointHook"}),
        "interval": steps,
        "by_epoch": False,
    }
    config["default_hooks"] = hooks
    # mean over one step: the loss itself
    processor = {"type": "LogProcessor", **(config.get("log_processor") or {})}
    config["log_processor"] = {**processor, "window_size": 1, "by_epoch": False}
    return config


def mismatches(first: Mapping[str, Sequence], second: Mapping[str, Sequence]) -> list[Mismatch]:
    """All numbers that are not equal to the last bit, nan being equal to nan."""
    found = []
    for name in dict.fromkeys([*first, *second]):
        before, after = first.get(name, []), second.get(name, [])
        for place in range(max(len(before), len(after))):
            one = before[place] if place < len(before) else None
            other = after[place] if place < len(after) else None
            if one != other and not (one != one and other != other):
                found.append(Mismatch(name, place, one, other))
    return found


def describe(found: Sequence[Mismatch], count: int) -> str:
    """What came out, in a few lines.

    Args:
        found: what differs.
        count: of compared numbers.
    """
    if not found:
        return f"all {count} numbers are equal to the last bit"
    sizes = [
        abs(m.first - m.second) / max(abs(m.first), 1e-12)
        for m in found
        if m.first is not None and m.second is not None
    ]
    largest = f", relative difference up to {max(sizes):.1e}" if sizes else ""
    lines = [f"{len(found)} of {count} numbers differ{largest}:"]
    lines += [f"    {m.name} [{m.place}]: {m.first!r} {m.second!r}" for m in found[:TOLD]]
    return "\n".join(lines)


def export(numbers: Numbers, path: Path, facts: Mapping[str, Any]) -> None:
    """Write numbers for a comparison with another commit or machine."""
    write_json(path, {"facts": dict(facts), "numbers": numbers}, indent=1)


def read_export(path: Path) -> Numbers:
    """Numbers that :func:`export` wrote.

    Raises:
        ValueError: the file holds none.
    """
    content = read_json(path)
    numbers = content.get("numbers") if isinstance(content, dict) else None
    if not isinstance(numbers, dict) or not all(isinstance(v, list) for v in numbers.values()):
        raise ValueError(f"{path} holds no exported numbers; make it with --check base --export")
    return numbers
