"""Which checkpoint a run goes on from: written, and found inside its own folder alone.

``last_checkpoint`` holds the path that a checkpoint had when it was written. A folder may have
been renamed or copied since, so of that path only the file name counts.
"""

import logging
import zipfile
from pathlib import Path

import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmpose.files import whole_file

from .checkpoint import allow_training_pickles

LAST = "last_checkpoint"


def newest_checkpoint(work_dir: str | Path, folder: str | Path | None = None) -> str | None:
    """The checkpoint that a run in ``work_dir`` goes on from, the same in all processes.

    It is the one that ``last_checkpoint`` names, if it lies whole in the folder; else the one of
    most steps among the whole ones that can be resumed. Every detour is told.

    Args:
        work_dir: holds ``last_checkpoint``.
        folder: holds the checkpoints, by default ``work_dir``.

    Returns:
        Its path (or address, where checkpoints go to a store); None where there is none.
    """
    found = [_find(Path(work_dir), Path(folder or work_dir)) if is_main_process() else None]
    broadcast_object_list(found)  # one look: a file may appear in between
    return found[0]


def _find(work_dir: Path, folder: Path) -> str | None:
    named = _named_last(work_dir)
    if "://" in named:  # a store that shows whole objects alone
        return named
    name = named.replace("\\", "/").rsplit("/", 1)[-1]
    why = f"{work_dir / LAST} is {'empty' if (work_dir / LAST).is_file() else 'missing'}"
    if name:
        damage = find_damage(folder / name)
        if damage is None:
            return str(folder / name)
        why = f"{folder / name}, which {LAST} names, {damage}"
    # those of another run's format, or weights alone such as best_*.pth, give None
    steps = {path: _count_steps(path) for path in sorted(folder.glob("*.pth")) if path.name != name}
    steps = {path: count for path, count in steps.items() if count is not None}
    if steps:
        newest = max(steps, key=steps.__getitem__)
        print_log(
            f"{why}; going on from {newest.name}, the newest whole checkpoint of {folder} "
            f"(step {steps[newest]})",
            logger=None,
            level=logging.WARNING,
        )
        return str(newest)
    # a new folder has nothing to tell
    if name or (work_dir / LAST).exists():
        print_log(
            f"{why}, and {folder} holds no other whole one; starting from the beginning",
            logger=None,
            level=logging.WARNING,
        )
    return None


def _named_last(work_dir: Path) -> str:
    """What ``last_checkpoint`` says; nothing where there is none."""
    file = work_dir / LAST
    return file.read_text(encoding="utf-8", errors="replace").strip() if file.is_file() else ""


def find_damage(path: Path) -> str | None:
    """What is wrong with a checkpoint file, as the end of a sentence; None for a whole one.

    It is read through once: a cut-off file lacks the list at its end, one that a power failure
    left with holes has wrong check sums.
    """
    if not path.is_file():
        return "is not there"
    try:
        with zipfile.ZipFile(path) as file:
            broken = file.testzip()
    except (zipfile.BadZipFile, EOFError):
        return "is cut off"
    return None if broken is None else f"is damaged in {broken}"


def _count_steps(path: Path) -> int | None:
    """Steps after which a training checkpoint was written; None for any other or broken file."""
    if find_damage(path) is not None:
        return None
    allow_training_pickles()
    try:
        # mapped, not read: the tensors are of no interest here
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # whatever else lies in the folder is not ours to judge
        return None
    is_training = isinstance(content, dict) and {"meta", "optimizer"} <= content.keys()
    return content["meta"].get("iter") if is_training else None


def write_last(work_dir: str | Path, checkpoint: str) -> None:
    """Let ``last_checkpoint`` name a checkpoint; the file changes whole or not at all."""
    with whole_file(Path(work_dir, LAST)) as partial:
        partial.write_text(checkpoint, encoding="utf-8")


def write_resumable(hook: CheckpointHook, runner: Runner, name: str, meta: dict[str, int]) -> None:
    """Write a checkpoint that a training goes on from, then let ``last_checkpoint`` name it.

    Args:
        hook: whose folder and settings count.
        runner: of the training.
        name: of the file.
        meta: numbers of epochs and steps that are done.

    Raises:
        OSError: the file cannot be written.
    """
    hook.last_ckpt = hook.file_backend.join_path(hook.out_dir, name)
    runner.message_hub.update_info("last_ckpt", hook.last_ckpt)
    runner.save_checkpoint(
        hook.out_dir,
        name,
        hook.file_client_args,
        save_optimizer=hook.save_optimizer,
        save_param_scheduler=hook.save_param_scheduler,
        meta=dict(meta),  # mmengine adds to it
        by_epoch=hook.by_epoch,
        backend_args=hook.backend_args,
    )
    if is_main_process():
        write_last(runner.work_dir, hook.last_ckpt)


def marker_of(work_dir: str | Path) -> Path:
    """The file that tells the last finished validation of a run."""
    return Path(work_dir, "last_validation")
