"""The log of a training, whose loss ends no training."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.hooks import LoggerHook as EngineLoggerHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmpose.errors import DISK_FULL
from mmpose.registry import HOOKS


@HOOKS.register_module()
class LoggerHook(EngineLoggerHook):
    """mmengine's hook; lines that a full disk does not take are left out, with a warning."""

    _is_told = False

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Called by the runner."""
        with self._surviving():
            super().after_train_iter(runner, batch_idx, data_batch, outputs)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Called by the runner."""
        with self._surviving():
            super().after_val_epoch(runner, metrics)

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            if not self._is_told:
                self._is_told = True
                print_log(
                    f"the disk is full ({error.filename}): the log files lack what comes now, "
                    "the training goes on",
                    logger="current",
                    level=logging.WARNING,
                )
