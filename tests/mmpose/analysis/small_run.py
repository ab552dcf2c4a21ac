"""The folder of a training that was stopped at step 25 and went on from step 20, by hand."""

import json
from pathlib import Path

import cv2
import numpy as np

FIRST, SECOND = "20260101_000000", "20260102_000000"
STEPS = (10, 20, 30, 40)
MACHINE = {
    "commit": "abc1234",
    "is_dirty": True,
    "versions": {"python": "3.11.2", "torch": "2.9.0"},
    "host": "somewhere",
    "processor": "a processor",
    "num_cores": 2,
    "devices": [],
}


def entry(step: int, **values: float) -> str:
    """A logged step of the training; the bare NaN of Python's JSON."""
    named = {f"train/{name}": value for name, value in values.items()}
    return json.dumps({**named, "iter": step, "step": step})


def validation(step: int, value: float, error: float) -> list[str]:
    """What a validation logs."""
    metrics = {"val/COCO/AP": value, "val/COCO/AP_low": value - 0.1, "val/COCO/AP (L)": -1.0}
    best = {"best/COCO/AP": 0.5, "step": step}
    return [json.dumps({**metrics, "val/pixel_error": error, "step": step}), json.dumps(best)]


def write_start(work_dir: Path, name: str, lines: list[str], step: int, **record: object) -> Path:
    """One start; return its folder."""
    folder = work_dir / name
    data = folder / "vis_data"
    data.mkdir(parents=True)
    (data / "scalars.json").write_text("\n".join(lines))
    known = {"start_step": step, "machine": MACHINE, "seed": 7, "max_iters": 40, "finished": None}
    known |= {"command": "train.py a.py", "config_file": "configs/a.py", "num_processes": 1}
    against = {"train_cfg.max_iters": ["100", "40"], "model.depth": ["–", "<b>3</b>"]}
    (data / "run.json").write_text(json.dumps(known | {"against_base": against} | record))
    (data / "config.py").write_text(f"train_cfg = dict(max_iters=40, val_interval={20 + step})\n")
    return folder


def write_sheet(folder: Path, name: str, level: int) -> None:
    """A sheet of samples of one grey level."""
    path = folder / "vis_data" / "vis_image" / "samples" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((60, 100, 3), level, np.uint8))


def write_run(work_dir: Path) -> Path:
    """Write the run; return its folder.

    Losses 4, 3 then (of the second start) nan and 1 at steps 10, 20, 30, 40; AP 0.5 at step 20 and
    0.4 at 40, pixel error 9 and 6.
    """
    lines = [
        entry(10, loss=4.0, lr=0.1, people_per_s=50.0, wait_share=0.25),
        entry(20, loss=3.0, lr=0.1, people_per_s=60.0, wait_share=0.5),
        *validation(20, 0.5, 9.0),
        entry(25, loss=99.0, lr=0.1, people_per_s=1.0, wait_share=0.0),
        '{"train/loss": 98.0, "ite',  # killed while it wrote
    ]
    first = write_start(work_dir, FIRST, lines, 0, started="2026-01-01 00:00:00")
    (first / f"{FIRST}.log").write_text(
        "01/01 00:00:01 - mmengine - WARNING - a <script> is no warning\n"
        "01/01 00:00:02 - mmengine - WARNING - a <script> is no warning\n"
        "01/01 00:00:03 - mmengine - INFO - all is well\n"
    )
    lines = [
        entry(30, loss=float("nan"), lr=0.01, people_per_s=70.0, wait_share=0.125),
        entry(40, loss=1.0, lr=0.01, people_per_s=80.0, wait_share=0.1),
        *validation(40, 0.4, 6.0),
    ]
    second = write_start(work_dir, SECOND, lines, 20, finished="2026-01-02 01:00:00")
    for folder, step, level in ((first, 20, 50), (first, 25, 90), (second, 40, 150)):
        write_sheet(folder, f"fixed_{step}.png", level)
        write_sheet(folder, f"worst_oks_{step}.png", level)
    return work_dir
