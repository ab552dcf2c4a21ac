"""Handing the runs that are not done to Slurm, one array for all of them."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mmpose.datasets.annotation_files import read_json
from mmpose.files import whole_file, write_json

from .plan import Run
from .run_folder import RunFolder
from .store import RunStore


def submit(
    runs: Sequence[Run],
    store: RunStore,
    folder: Path,
    *,
    jobs: int,
    options: Sequence[str] = (),
    again: bool = False,
) -> str | None:
    """Submit an array with a task for each run.

    Args:
        runs: prepared and wanted.
        store: of their folders.
        folder: for the list of runs, the script and what tasks print.
        jobs: tasks at a time.
        options: of ``sbatch``.
        again: also runs that failed before.

    Returns:
        The job's id; None where all runs wait in a job that was submitted before.

    Raises:
        FileNotFoundError: there is no ``sbatch`` on this machine.
        ValueError: Slurm refuses.
    """
    # a task that waits in the queue has no lock yet, so it would be submitted again
    waiting = [run for run in runs if not _is_submitted(store.folder(run))]
    if not waiting:
        return None
    (folder / "slurm").mkdir(parents=True, exist_ok=True)
    queue = folder / "slurm" / f"queue-{len(list((folder / 'slurm').glob('queue-*')))}.txt"
    with whole_file(queue) as partial:
        partial.write_text("".join(f"{store.folder(run).path}\n" for run in waiting))
    script = queue.with_suffix(".sh")
    with whole_file(script) as partial:
        partial.write_text(_script(queue, again=again))
    num_processes = max(run.num_processes for run in waiting)
    command = ["sbatch", "--parsable", f"--array=0-{len(waiting) - 1}%{jobs}"]
    command += [f"--ntasks={num_processes}", f"--output={folder}/slurm/%A_%a.txt"]
    job = _call([*command, *options, str(script)]).split(";")[0]
    for index, run in enumerate(waiting):
        write_json(store.folder(run).path / "submitted.json", {"job": f"{job}_{index}"})
    return job


def _script(queue: Path, *, again: bool) -> str:
    worker = [sys.executable, "-m", "mmpose.ablation.worker", str(queue)]
    worker += ["--srun", *(["--again"] if again else [])]
    lines = ["#!/bin/bash"]
    # sbatch starts in another shell, perhaps without the path that found this package
    path = os.environ.get("PYTHONPATH")
    if path:
        lines.append(f"export PYTHONPATH={shlex.quote(path)}")
    lines += [f"cd {shlex.quote(str(Path.cwd()))}"]
    lines += [f'exec {shlex.join(worker)} --index "$SLURM_ARRAY_TASK_ID"']
    return "\n".join(lines) + "\n"


def _is_submitted(folder: RunFolder) -> bool:
    """Whether a job of an earlier call still waits or runs."""
    note = folder.path / "submitted.json"
    if not note.is_file():
        return False
    job = read_json(note)["job"]
    try:
        return _call(["squeue", "--noheader", "--jobs", job]) != ""
    except (ValueError, FileNotFoundError):  # squeue does not know jobs of yesterday
        return False


def _call(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"there is no {command[0]} on this machine; --launcher slurm needs Slurm's commands"
        ) from error
    if done.returncode:
        raise ValueError(f"{command[0]} refused: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()
