"""The page of each row that says why its AP is what it is, by ``tools/analyze_results.py``."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .measures import ResultFile, find_result_file, pick_name, read_shown
from .plan import Plan
from .store import RunStore


def make_reports(plan: Plan, store: RunStore, tools: Path, tell: Callable[[str], None]) -> None:
    """Write a page beside every result file that the table shows and that has none.

    Args:
        plan: whose finished runs get pages.
        store: of their folders.
        tools: folder of ``analyze_results.py``.
        tell: is given a line for each page.
    """
    for run in plan.runs:
        folder = store.folder(run)
        if folder.record().get("state") != "done":
            continue
        metrics = read_shown(folder, plan.ablation.show)
        names = (pick_name(metrics, pattern) for pattern in plan.ablation.show)
        files = [find_result_file(folder, name) for name in names if name is not None]
        for file in filter(None, files):
            page = file.path.with_suffix(".html")
            if not page.is_file():
                tell(f"{run.name}: {_analyse(file, page, tools) or page}")


def _analyse(file: ResultFile, page: Path, tools: Path) -> str | None:
    """Write a page; why not, if it fails."""
    truth = file.truth
    command = [sys.executable, str(tools / "analyze_results.py"), str(file.path)]
    command += [truth["ann_file"], "--iou-type", file.kind, "--html", str(page)]
    command += ["--metainfo", truth["metainfo"]] if truth["metainfo"] else []
    command += [] if truth["use_area"] else ["--no-area"]
    images = truth.get("images")
    command += ["--images", images] if images and Path(images).is_dir() else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no report: {done.stderr.strip()[-500:]}"
