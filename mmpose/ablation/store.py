"""Where the runs of all ablations lie.

A run's files are in ``.runs/HASH``, whichever ablations have it as a row, and each of these has a
link to it, ``NAME/CHANGE-SEED-HASH8``. So the same run is never done twice.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmpose.datasets.annotation_files import read_json
from mmpose.files import whole_file, write_json

from .plan import Plan, Run
from .run_folder import RunFolder

STORE = ".runs"
HASH_LENGTH = 16
RESULTS = "results"
WRITERS = ("CocoMetric", "DetectionMetric", "LoopCocoMetric")
"""Metrics that write COCO result files on request."""


class RunStore:
    """All runs of all ablations.

    Args:
        root: such as ``work_dirs/ablations``.
    """

    def __init__(self, root: str | os.PathLike) -> None:
        self.root = Path(root).absolute()

    def folder(self, run: Run) -> RunFolder:
        """Of a run, done or not."""
        return RunFolder(self.root / STORE / run.hash[:HASH_LENGTH])

    def ablation_folder(self, name: str) -> Path:
        """Links to the runs of an ablation, its rows and its tables."""
        return self.root / name

    def prepare(self, plan: Plan, tools: Path) -> None:
        """Write what each run is to do, link to it, and note it as a row.

        Args:
            plan: of an ablation.
            tools: folder of ``train.py`` and ``test.py``.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        for run in plan.runs:
            self._write_recipe(run, tools, plan.ablation.show)
            self._link(plan, run)

    def _write_recipe(self, run: Run, tools: Path, show: Sequence[str]) -> None:
        folder = self.folder(run)
        # one that is still to be done follows what does not decide numbers: workers, tools, places
        if folder.recipe_file.is_file() and folder.state() in ("done", "running"):
            return
        for step in run.steps:
            config = with_result_files(step.config, str(folder.path / step.name / RESULTS))
            write_config(folder.path / f"{step.name}.py", config)
        recipe = {
            "hash": run.hash,
            "tools": str(tools),
            "num_processes": run.num_processes,
            "show": list(show),
            "steps": [
                {"name": s.name, "task": s.task, "truth": truth_of(s.config)} for s in run.steps
            ],
            "contents": [step.content for step in run.steps],
        }
        # last: a folder with it is complete
        write_json(folder.recipe_file, recipe)

    def _link(self, plan: Plan, run: Run) -> None:
        folder = self.ablation_folder(plan.ablation.name)
        row = folder / "rows" / f"{run.name}.json"
        content = {
            "change": run.change,
            "seed": run.seed,
            "hash": run.hash,
            "base": plan.base_hash,
            "options": {key: repr(value) for key, value in run.options.items()},
        }
        # of a row that comes back under a changed base, the newest base counts
        if not row.is_file() or read_json(row) != content:
            write_json(row, content)
        link = folder / run.name
        if not link.is_symlink():
            target = os.path.relpath(self.folder(run).path, folder)
            try:
                link.symlink_to(target)
            except FileExistsError:  # another shell was faster
                return

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Rows that an ablation ever had: change, seed, hash, base, options."""
        files = sorted((self.ablation_folder(name) / "rows").glob("*.json"))
        return [read_json(file) for file in files]


def with_result_files(config: dict[str, Any], prefix: str) -> dict[str, Any]:
    """A config whose metric writes what it evaluates, as files that begin with ``prefix``.

    Of several metrics the first that can does.
    """
    writer = _writer(config)
    if writer is None:
        return config
    told = {**writer, "outfile_prefix": prefix}
    evaluator = config["test_evaluator"]
    if not isinstance(evaluator, dict):
        told = [told if metric is writer else metric for metric in evaluator]
    return {**config, "test_evaluator": told}


def _metrics(config: dict[str, Any]) -> list[dict[str, Any]]:
    evaluator = config.get("test_evaluator")
    metrics = evaluator if isinstance(evaluator, list | tuple) else [evaluator]
    return [metric for metric in metrics if isinstance(metric, dict)]


def _writer(config: dict[str, Any]) -> dict[str, Any] | None:
    metrics = _metrics(config)
    return next((m for m in metrics if m.get("type", "").split(".")[-1] in WRITERS), None)


def truth_of(config: dict[str, Any]) -> dict[str, Any] | None:
    """What result files of a test are compared with: ``ann_file``, its skeleton, images.

    None where its metric writes none, or converts joints, which a file does not tell.
    """
    # one that writes nothing tells at least which images there are
    evaluator = _writer(config) or next((m for m in _metrics(config) if "ann_file" in m), {})
    if "ann_file" not in evaluator:
        return None
    if evaluator.get("pred_converter") or evaluator.get("gt_converter"):
        return None
    dataset = (config.get("test_dataloader") or {}).get("dataset") or {}
    prefix = (dataset.get("data_prefix") or {}).get("img")
    metainfo = (evaluator.get("metainfo") or {}).get("from_file")
    return {
        "ann_file": evaluator["ann_file"],
        "metainfo": metainfo,
        "use_area": evaluator.get("use_area", True),
        "images": None if prefix is None else os.path.join(dataset.get("data_root") or "", prefix),
    }


def write_config(path: Path, config: dict[str, Any]) -> None:
    """Write a resolved config as a file that the tools load."""
    text = "".join(f"{key} = {value!r}\n" for key, value in config.items())
    with whole_file(path) as partial:
        partial.write_text('"""Resolved by tools/ablate.py."""\n\n' + text, encoding="utf-8")
