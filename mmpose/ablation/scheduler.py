"""Working on the runs that are not done, several at a time, beside other shells on the same."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .plan import Run
from .run_folder import RunFolder
from .store import RunStore
from .worker import TAKEN

PAUSE_S = 0.1
FULL_BYTES = 100_000
WORKER = (sys.executable, "-m", "mmpose.ablation.worker")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """How to work on a queue.

    Attributes:
        jobs: runs at a time.
        gpus: their numbers, dealt out to runs in turn; none: what a run finds.
        retry_failed: also what failed before.
        fail_fast: begin no further run after a failure.
    """

    jobs: int = 1
    gpus: Sequence[str] = ()
    retry_failed: bool = False
    fail_fast: bool = False

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ValueError(f"--jobs must be at least 1, got {self.jobs}")


@dataclass
class _Queue:
    """Runs by what is to be done with them."""

    pending: list[Run]
    elsewhere: list[Run] = field(default_factory=list)
    failed: list[Run] = field(default_factory=list)


def work(runs: Sequence[Run], store: RunStore, settings: Settings, tell: Tell = print) -> list[Run]:
    """Do all runs that are not done; returns when none is left or worked on by anybody.

    Args:
        runs: prepared.
        store: of their folders.
        settings: how.
        tell: is given a line about each beginning and end.

    Returns:
        Those that failed, now or before.
    """
    queue = _Queue([run for run in runs if _is_wanted(store.folder(run), settings)])
    wanted = {run.hash for run in queue.pending}
    queue.failed = [
        run for run in runs if run.hash not in wanted and store.folder(run).state() == "failed"
    ]
    workers: dict[int, tuple[subprocess.Popen, Run]] = {}
    try:
        while queue.pending or queue.elsewhere or workers:
            if settings.fail_fast and queue.failed:  # of an earlier call too
                queue.pending, queue.elsewhere = [], []
            _begin(queue, workers, store, settings, tell)
            _end(queue, workers, store, tell)
            _look_elsewhere(queue, store, settings, tell)
            time.sleep(PAUSE_S)
    except BaseException:  # an interruption too: runs go on later where they stop now
        for process, _ in workers.values():
            os.killpg(process.pid, signal.SIGTERM)
        raise
    return queue.failed


def _is_wanted(folder: RunFolder, settings: Settings) -> bool:
    state = folder.state()
    return state != "done" and (state != "failed" or settings.retry_failed)


def _begin(
    queue: _Queue,
    workers: dict[int, tuple[subprocess.Popen, Run]],
    store: RunStore,
    settings: Settings,
    tell: Tell,
) -> None:
    for slot in range(settings.jobs):
        if slot in workers or not queue.pending:
            continue
        run = queue.pending.pop(0)
        folder = store.folder(run)
        # spares a process; the worker's own lock is what decides
        if folder.is_locked():
            tell(f"{run.name}: {folder.holder()} works on it")
            queue.elsewhere.append(run)
            continue
        workers[slot] = (start_worker(folder, slot, run.num_processes, settings), run)
        tell(f"{run.name}: begins")


def start_worker(
    folder: RunFolder, slot: int, num_processes: int, settings: Settings
) -> subprocess.Popen:
    """Start a worker on a run, in a session of its own.

    Args:
        folder: of the run.
        slot: number below ``settings.jobs``, which decides the GPUs.
        num_processes: of the run, with a GPU each.
        settings: of the queue.
    """
    environment = dict(os.environ)
    if settings.gpus:
        places = range(slot * num_processes, (slot + 1) * num_processes)
        own = [settings.gpus[place % len(settings.gpus)] for place in places]
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(own)
    again = ["--again"] if settings.retry_failed else []
    with (folder.path / "worker.txt").open("ab") as log:
        # its own session: a key pressed, or the end of this shell, does not reach it
        return subprocess.Popen(
            [*WORKER, str(folder.path), *again],
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


def _end(
    queue: _Queue,
    workers: dict[int, tuple[subprocess.Popen, Run]],
    store: RunStore,
    tell: Tell,
) -> None:
    for slot, (process, run) in list(workers.items()):
        if process.poll() is None:
            continue
        del workers[slot]
        if process.returncode == TAKEN:
            queue.elsewhere.append(run)
        else:
            _settle(queue, run, store.folder(run), tell)


def _look_elsewhere(queue: _Queue, store: RunStore, settings: Settings, tell: Tell) -> None:
    """Of runs that others worked on: are they done, or left to us?"""
    for run in list(queue.elsewhere):
        folder = store.folder(run)
        if folder.is_locked():
            continue
        queue.elsewhere.remove(run)
        if folder.state() in ("done", "failed"):
            _settle(queue, run, folder, tell)
        else:
            queue.pending.append(run)


def _settle(queue: _Queue, run: Run, folder: RunFolder, tell: Tell) -> None:
    record = folder.record()
    if record.get("state") == "done":
        seconds = sum(step["seconds"] for step in record["steps"].values())
        tell(f"{run.name}: done in {seconds:.1f} s")
        return
    queue.failed.append(run)
    reason = record.get("error") if record.get("state") == "failed" else None
    if reason is None:  # the worker itself: a full disk, a kill
        reason = _why_its_worker_ended(folder)
    tell(f"{run.name}: failed; its last lines:\n{_indent(reason)}")


def _why_its_worker_ended(folder: RunFolder) -> str:
    if shutil.disk_usage(folder.path).free < FULL_BYTES:
        return f"the disk is full at {folder.path}; free some space and run again"
    log = folder.path / "worker.txt"
    lines = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return lines[-2000:] or "its worker ended without a word"


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())
