"""Progress of a training or a test in short lines, for people who watch."""

import time
from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from bmp.environment import tell


class Clock:
    """Tells messages with the seconds since it was made."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = time.monotonic()

    def __call__(self, message: str) -> None:
        """One line to standard error."""
        tell(f"[{self.name} {self.seconds():4.0f}s] {message}")

    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self.started


def remaining(started: float, done: int, total: int) -> float:
    """Seconds that the rest takes at the speed so far."""
    return (time.monotonic() - started) / max(done, 1) * (total - done)


@HOOKS.register_module()
class ProgressHook(Hook):
    """Tells how far a run is, at most once in some seconds.

    Args:
        every: seconds between two lines.
        unit: what a test batch consists of, for the words.
    """

    priority = "VERY_LOW"

    def __init__(self, every: float = 10, unit: str = "image") -> None:
        self.every = every
        self.unit = unit
        self.started = self.told = time.monotonic()

    def before_test(self, runner: Runner) -> None:
        """Called by the runner."""
        self.started = self.told = time.monotonic()

    def before_train(self, runner: Runner) -> None:
        """Called by the runner."""
        self.started = self.told = time.monotonic()

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Called by the runner."""
        loader = runner.test_dataloader
        batch_size, total = loader.batch_size or 1, len(loader.dataset)
        self._tell(min((batch_idx + 1) * batch_size, total), total, self.unit)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: object = None,
        outputs: dict | None = None,
    ) -> None:
        """Called by the runner."""
        has_loss = outputs is not None and "loss" in outputs
        loss = f", loss {outputs['loss'].item():.3f}" if has_loss else ""
        self._tell(runner.iter + 1, runner.max_iters, "step", loss)

    def _tell(self, done: int, total: int, unit: str, more: str = "") -> None:
        if time.monotonic() - self.told < self.every and done < total:
            return
        self.told = time.monotonic()
        tell(f"    {unit} {done}/{total}{more}, {remaining(self.started, done, total):.0f} s left")
