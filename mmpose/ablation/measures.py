"""Numbers of runs from the files that they stored; a new number or subset needs no new run."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmpose.datasets.annotation_files import read_coco_file, read_json
from mmpose.evaluation.matches import bootstrap_thresholds, threshold_precisions
from mmpose.evaluation.result_files import evaluate_numbers, read_results
from mmpose.files import whole_file

from .curves import read_scalars
from .identity import hash_of
from .run_folder import RunFolder
from .store import RESULTS

PRECISION = re.compile(
    r"(?:.*?/)??(?:(?P<turn>turn\d+)/)?(?:(?P<kind>bbox|segm|keypoints)_)?"
    r"m?AP(?:(?P<at>[_ ]?\.?(?:50|75|5))| \((?P<area>[SML])\))?"
)
"""Names of average precisions of all metrics: ``loop/turn2/bbox_AP50``, ``coco/AP (M)``."""
STATISTIC = re.compile(r"(?P<before>.*?)(?P<name>AP(?:50|75)|A[PR](?: .+)?)")
SHORT_STATISTICS = {"AP50": "AP .5", "AP75": "AP .75"}
PARTS = {"": slice(None), "5": slice(0, 1), "50": slice(0, 1), "75": slice(5, 6)}
SAME_AP = 1e-6
VERSION = 2  # of kept draws

Array = np.ndarray


@dataclass(frozen=True)
class Measured:
    """One number of one run.

    Attributes:
        value: as the run gave it.
        draws: the same for images drawn again and again, (R,); None: only the value is known.
        images: which images, in a hash; only draws of the same can be paired.
    """

    value: float
    draws: Array | None = None
    images: str = ""


def read_metrics(folder: RunFolder) -> dict[str, float]:
    """All numbers of a run by name: those of its tests, and of trainings ``train/NAME`` at the end.

    A later step's number replaces an earlier one of the same name.
    """
    metrics: dict[str, float] = {}
    for step in folder.recipe()["steps"]:
        work_dir = folder.path / step["name"]
        if step["task"] == "train":
            curves = read_scalars(work_dir)
            metrics |= {f"train/{name}": values[-1] for name, (_, values) in curves.items()}
        elif (work_dir / "metrics.json").is_file():
            metrics |= read_json(work_dir / "metrics.json")
    return metrics


def read_shown(folder: RunFolder, show: Iterable[str]) -> dict[str, float]:
    """As :func:`read_metrics`, and what else of COCO's numbers is shown, from result files.

    Args:
        folder: of a finished run.
        show: patterns. ``loop/turn*/bbox_AR (M)`` is made where ``loop/turn*/bbox_AP`` has a
            result file that gives the same AP as its metric.
    """
    metrics = read_metrics(folder)
    made: dict[str, float] = {}
    for pattern in show:
        parts = STATISTIC.fullmatch(pattern)
        if pick_name(metrics, pattern) is not None or parts is None:
            continue
        precision = pick_name(metrics, f"{parts['before']}AP")
        file = None if precision is None else find_result_file(folder, precision)
        if file is not None:
            stats = _draws(file).stats
            value = stats.get(SHORT_STATISTICS.get(parts["name"], parts["name"]))
            if value is not None and abs(stats["AP"] - metrics[precision]) < SAME_AP:
                made[precision.removesuffix("AP") + parts["name"]] = value
    return metrics | made


def pick_name(metrics: Mapping[str, float], pattern: str) -> str | None:
    """The last number that fits a pattern, such as ``loop/turn*/bbox_AP``; None: none does."""
    if pattern in metrics:
        return pattern
    found = [name for name in metrics if fnmatchcase(name, pattern)]
    return found[-1] if found else None


def is_share(name: str) -> bool:
    """Whether a number is told in percent: average precision and recall."""
    return bool(re.search(r"(^|[/_])m?(Ex-)?(AP|AR(?!EA)|PCKh?|AUC)", name))


def scale_of(name: str, values: Iterable[float]) -> int:
    """What a number is multiplied with to be told: 100 for shares, but for those in percent.

    Args:
        name: of the number.
        values: all that are told together.
    """
    # MPII's PCK comes in percent
    return 100 if is_share(name) and not any(abs(value) > 1 for value in values) else 1


def measure(folder: RunFolder, name: str, metrics: Mapping[str, float]) -> Measured:
    """A number of a run, with draws where its result file is there.

    Args:
        folder: of a finished run.
        name: of the number.
        metrics: of the run.
    """
    value = float(metrics[name])
    found = find_result_file(folder, name)
    if found is not None:
        parts = PRECISION.fullmatch(name)
        kept = _draws(found, parts["area"] or "all")
        part = PARTS[re.sub(r"\D", "", parts["at"] or "")]
        # otherwise the metric judged by other rules than this evaluation, or other images
        if abs(kept.values[part].mean() - value) < SAME_AP:
            return Measured(value, kept.draws[:, part].mean(1), kept.images)
    return Measured(value)


@dataclass(frozen=True)
class ResultFile:
    """A COCO result file of a run.

    Attributes:
        path: of the file.
        kind: ``bbox``, ``segm`` or ``keypoints``.
        truth: what it is compared with, see :func:`mmpose.ablation.store.truth_of`.
    """

    path: Path
    kind: str
    truth: Mapping[str, Any]


def find_result_file(folder: RunFolder, name: str) -> ResultFile | None:
    """The result file that an average precision is of, of the last step that wrote one."""
    found = PRECISION.fullmatch(name)
    if not found:
        return None
    kind = found["kind"] or "keypoints"
    if kind == "keypoints" and found["area"] == "S":  # COCO labels no joints of small people
        return None
    file_name = ".".join(filter(None, [RESULTS, found["turn"], kind, "json"]))
    for step in reversed(folder.recipe()["steps"]):
        path = folder.path / step["name"] / file_name
        if step.get("truth") and path.is_file():
            return ResultFile(path, kind, step["truth"])
    return None


def keep_draws(folder: RunFolder) -> None:
    """Evaluate what the ablation shows of a finished run, and keep the draws for its tables."""
    show = folder.recipe().get("show", [])
    metrics = read_shown(folder, show)
    for pattern in show:
        name = pick_name(metrics, pattern)
        if name is not None:
            measure(folder, name, metrics)


@dataclass(frozen=True)
class _Draws:
    """What a result file gives.

    Attributes:
        values: AP at each threshold, (T,).
        draws: the same of images drawn again and again, (R, T).
        images: which images, in a hash.
        stats: COCO's numbers by name.
    """

    values: Array
    draws: Array
    images: str
    stats: Mapping[str, float]


def _draws(file: ResultFile, area: str = "all") -> _Draws:
    """Evaluate people of a size; kept beside the file."""
    path, kind, truth = file.path, file.kind, file.truth
    kept = path.with_suffix(".draws.npz" if area == "all" else f".{area}.draws.npz")
    stamp = json.dumps([VERSION, _stamp(path), _stamp(Path(truth["ann_file"])), truth])
    if kept.is_file():
        try:
            with np.load(kept) as arrays:
                if str(arrays["stamp"]) == stamp:
                    stats = json.loads(str(arrays["stats"]))
                    return _Draws(arrays["values"], arrays["draws"], str(arrays["images"]), stats)
        except (OSError, ValueError, KeyError):  # only ever a shortcut
            kept.unlink(missing_ok=True)
    content = _read_truth(truth["ann_file"], *_stamp(Path(truth["ann_file"])))
    settings = {} if kind != "keypoints" else {"use_area": truth["use_area"]}
    numbers = evaluate_numbers(
        content, read_results(path, compact=True), kind, metainfo=truth["metainfo"], **settings
    )
    matches = numbers.by_area[area]
    values, draws = threshold_precisions(matches), bootstrap_thresholds(matches)
    draws = draws.astype(np.float32)
    images = hash_of([str(number) for number in matches[0].image_ids])
    with whole_file(kept) as partial, partial.open("wb") as opened:
        stats = json.dumps(numbers.stats)
        np.savez(opened, stamp=stamp, values=values, draws=draws, images=images, stats=stats)
    return _Draws(values, draws, images, numbers.stats)


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


@lru_cache(maxsize=4)
def _read_truth(ann_file: str, *stamp: int) -> dict:
    return read_coco_file(ann_file)


def count_images(folder: RunFolder, metrics: Mapping[str, float]) -> int | None:
    """Images of the last test: as its metric says, else as its annotations list them."""
    told = [value for name, value in metrics.items() if name.endswith("num_images")]
    if told:
        return int(told[-1])
    for step in reversed(folder.recipe()["steps"]):
        if step.get("truth"):
            path = Path(step["truth"]["ann_file"])
            return len(_read_truth(str(path), *_stamp(path))["images"]) if path.is_file() else None
    return None


def read_facts(folder: RunFolder) -> dict[str, Any]:
    """Seconds, peak memory in MB, parameters and calls of stages, of all steps of a run.

    The tool's own facts (``num_parameters``, ``asked``, ``computed``) are those of its last step.
    """
    record = folder.record()
    steps = record.get("steps", {})
    cpu_seconds = [step.get("cpu_seconds", 0.0) for step in steps.values()]
    peaks = [step["peak_mb"] for step in steps.values()]
    facts: dict[str, Any] = {
        "seconds": sum(step["seconds"] for step in steps.values()),
        "cpu_seconds": None if None in cpu_seconds else sum(cpu_seconds),
        "peak_mb": None if None in peaks else max(peaks, default=None),
    }
    for name in steps:
        path = folder.path / name / "facts.json"
        facts |= read_json(path) if path.is_file() else {}
    return facts


def find_reports(folder: RunFolder) -> list[Path]:
    """HTML reports beside the results of a run."""
    names = [step["name"] for step in folder.recipe()["steps"]]
    return [path for name in names for path in sorted((folder.path / name).glob("*.html"))]
