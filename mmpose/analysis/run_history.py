"""A training as its folder tells it: starts, config, machine, warnings, sheets of samples."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmpose.engine.config_difference import differences, parts_of, value_text
from mmpose.engine.run_logs import Curve, Start
from mmpose.engine.training_scalars import GREATER, LESS

SHEET = re.compile(r"(?P<name>.+)_(?P<step>\d+)\.(png|jpg)")
SHEETS = "vis_data/vis_image/samples"
# lines of the block in which mmengine's log describes the machine
DESCRIBED = re.compile(
    r"^    (sys\.platform|Python|CUDA available|GPU [\d,]+|PyTorch|TorchVision|OpenCV|MMEngine|"
    r"seed|GPU number): (.+)$"
)
KNOWN = re.compile(r"AP|AR|oks|IoU|PCK|AUC")
"""In names of metrics of which more is better."""
RESUMING = ("resume", "load_from", "work_dir", "launcher")
"""Keys of a config that differ when a run is resumed and say nothing about it."""


def environment_of(start: Start) -> dict[str, str]:
    """Machine, versions and seed of a start, by name: of its record, else of its log."""
    machine = start.record.get("machine")
    if not machine:
        return _environment_of_log(start)
    commit = machine.get("commit") or "unknown"
    if machine.get("is_dirty"):
        commit += ", with changes that are not committed"
    cores = f"{machine.get('processor')}, {machine.get('num_cores')} cores"
    found = {
        "Command": start.record.get("command"),
        "Seed": start.record.get("seed"),
        "Processes": start.record.get("num_processes"),
        "Git revision": commit,
        "Host": machine.get("host"),
        "Processor": cores,
        "GPUs": ", ".join(machine.get("devices") or ()) or "none",
        **(machine.get("versions") or {}),
    }
    return {name: str(value) for name, value in found.items()}


def _environment_of_log(start: Start) -> dict[str, str]:
    path = start.folder / f"{start.name}.log"
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    matches = filter(None, map(DESCRIBED.match, lines))
    return {found[1]: found[2] for found in matches}


def changes_between(starts: Sequence[Start]) -> list[dict[str, Any]]:
    """What a resume found changed in the config, a row for each place.

    Returns:
        Rows of ``from step``, ``place``, ``before`` and ``after``; without the keys that say
        that it is a resume.
    """
    rows = []
    before: Config | None = None
    for start in starts:
        after = _config_of(start)
        if before is not None and after is not None:
            for place, (old, new) in differences(parts_of(before), parts_of(after)).items():
                if place.split(".")[0] not in RESUMING:
                    texts = {"before": value_text(old), "after": value_text(new)}
                    rows.append({"from step": start.first_step, "place": place} | texts)
        before = after or before
    return rows


def _config_of(start: Start) -> Config | None:
    path = start.folder / "vis_data" / "config.py"
    return Config.fromfile(str(path)) if path.is_file() else None


def warnings_of(starts: Sequence[Start]) -> list[dict[str, Any]]:
    """Different warnings of all logs and how often each came, the most frequent first."""
    counts = Counter(text for start in starts for text in start.warnings)
    return [{"warning": text, "times": count} for text, count in counts.most_common()]


def lost_values(curves: Mapping[str, Curve]) -> list[dict[str, Any]]:
    """Curves with values that are not finite, and where the first of them is."""
    rows = []
    for name, (steps, values) in curves.items():
        lost = [step for step, value in zip(steps, values, strict=True) if not math.isfinite(value)]
        if lost:
            row = {"scalar": name, "first at step": lost[0], "times": len(lost)}
            rows.append(row | {"of entries": len(steps)})
    return rows


def sheets_of(starts: Sequence[Start]) -> dict[str, dict[int, Path]]:
    """Sheets of samples by name and step; of steps that were trained again the later ones."""
    found: dict[str, dict[int, Path]] = {}
    for start in starts:
        for name, by_step in found.items():
            kept = {s: p for s, p in by_step.items() if s <= (start.first_step or math.inf)}
            found[name] = kept
        for path in sorted((start.folder / SHEETS).glob("*")):
            match = SHEET.fullmatch(path.name)
            if match:
                found.setdefault(match["name"], {})[int(match["step"])] = path
    return {name: dict(sorted(by_step.items())) for name, by_step in found.items() if by_step}


def best_of(name: str, curve: Curve) -> tuple[int, float] | None:
    """Step and value of the best validation; None where nothing tells which end is better.

    Args:
        name: of the metric.
        curve: of its values; those that are not finite, and AP of nobody (-1), do not count.
    """
    last = name.rsplit("/", 1)[-1]
    is_lower = LESS.fullmatch(last) is not None
    if not is_lower and not KNOWN.search(last):
        return None
    pairs = [
        (step, value)
        for step, value in zip(*curve, strict=True)
        if math.isfinite(value) and (is_lower or value >= 0)
    ]
    if not pairs:
        return None
    return min(pairs, key=lambda pair: pair[1] if is_lower else -pair[1])


def matters(name: str) -> bool:
    """Whether a metric has a plot of its own; the others stand in the table alone."""
    last = name.rsplit("/", 1)[-1]
    return bool(GREATER.fullmatch(last) or LESS.fullmatch(last))
