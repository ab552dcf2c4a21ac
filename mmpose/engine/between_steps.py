"""What the state of a training says between two of its steps."""

import time

from mmengine.dist import is_main_process
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop
from mmengine.runner.base_loop import BaseLoop


class Clock:
    """When a checkpoint is due by the clock; the first process's decides.

    Args:
        minutes: between two checkpoints; None: never.

    Raises:
        ValueError: ``minutes`` is not above 0.
    """

    def __init__(self, minutes: float | None) -> None:
        if minutes is not None and not minutes > 0:
            raise ValueError(f"interval_minutes must be above 0, got {minutes}")
        self.minutes = minutes
        self.restart()

    def restart(self, seconds: float | None = None) -> None:
        """Count anew: so many seconds, else the usual interval."""
        if seconds is None and self.minutes is not None:
            seconds = 60 * self.minutes
        self._end = float("inf") if seconds is None else time.monotonic() + seconds

    def is_late(self) -> bool:
        """Whether the time is over."""
        return is_main_process() and time.monotonic() >= self._end


def is_whole_window(optim_wrapper: OptimWrapper | OptimWrapperDict) -> bool:
    """Whether no gradient waits for the rest of an accumulation window."""
    parts = optim_wrapper.values() if isinstance(optim_wrapper, OptimWrapperDict) else None
    return all(
        part.inner_count % part._accumulative_counts == 0 or part.inner_count == part._max_counts
        for part in (parts or [optim_wrapper])
    )


def is_by_epoch(loop: BaseLoop) -> bool:
    """Whether the loop counts in epochs."""
    return isinstance(loop, EpochBasedTrainLoop)


def ends_epoch(loop: BaseLoop, batch_idx: int) -> bool:
    """Whether a step is the last of its epoch, in a loop that counts in epochs."""
    return is_by_epoch(loop) and batch_idx + 1 == len(loop.dataloader)


def loop_step(loop: BaseLoop) -> str:
    """Where a training stands in the unit of its loop: ``epoch 5`` or ``iter 200``."""
    return f"epoch {loop.epoch}" if is_by_epoch(loop) else f"iter {loop.iter}"


def is_validation_due(loop: BaseLoop) -> bool:
    """Whether the loop validates where it stands, which it does before the next step."""
    if loop.runner.val_loop is None:
        return False
    loop._decide_current_val_interval()
    by_epoch = is_by_epoch(loop)
    step, end = (loop.epoch, loop.max_epochs) if by_epoch else (loop.iter, loop.max_iters)
    if step == 0 or step < loop.val_begin:
        return False
    return step % loop.val_interval == 0 or step == end
