"""Losses are logged without waiting for them: numbers are read when somebody looks at them."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.hooks import RuntimeInfoHook
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

MOST_WAITING = 1000  # scalars; then they are read though nobody looks


def _read_first(name: str) -> property:
    """An array of a history, kept as ``name``, which is up to date whenever it is looked up."""

    def look_up(history: "LateHistory") -> np.ndarray:
        history._read()
        return getattr(history, name)

    return property(look_up, lambda history, values: setattr(history, name, values))


class LateHistory(HistoryBuffer):
    """mmengine's record of a scalar that also takes tensors of a device, and reads them late.

    What was put in since the last look is fetched in one piece at the next: by the logger, a
    checkpoint, a test. In a checkpoint it is mmengine's own class.

    Args:
        history: one to go on with; None starts an empty one.
    """

    def __init__(self, history: HistoryBuffer | None = None) -> None:
        values, counts = ((), ()) if history is None else history.data
        length = {} if history is None else {"max_length": history.max_length}
        self._waiting: list[Tensor] = []
        super().__init__(values, counts, **length)

    def put(self, value: Tensor) -> None:
        """Record a scalar, a tensor of one number on any device, without reading it."""
        # a copy: a replayed graph writes its next answer to the same place
        self._waiting.append(value.detach().reshape(()).float().clone())
        if len(self._waiting) >= MOST_WAITING:
            self._read()

    def update(self, log_val: int | float, count: int = 1) -> None:
        """As mmengine's."""
        self._read()
        super().update(log_val, count)

    def _read(self) -> None:
        if not self._waiting:
            return
        values, self._waiting = _values_of(self._waiting), []
        kept = slice(-self.max_length, None)
        self._values = np.append(self._values, values)[kept]
        self._counts = np.append(self._counts, np.ones(len(values)))[kept]

    # mmengine's methods keep and look up both arrays under these names
    _log_history = _read_first("_values")
    _count_history = _read_first("_counts")

    def __reduce__(self) -> tuple:
        return HistoryBuffer, (*self.data, self.max_length)


def _values_of(scalars: Sequence[Tensor]) -> np.ndarray:
    """Scalars, (N,) float64, fetched together."""
    return torch.stack(list(scalars)).cpu().numpy().astype(np.float64)


def log_late(message_hub: MessageHub, name: str, value: Tensor | float) -> None:
    """Log a scalar as ``message_hub.update_scalar`` does, but read a tensor late.

    Args:
        message_hub: of the run.
        name: with its prefix, such as ``train/loss``.
        value: a tensor of one number on any device, or a number.
    """
    scalars = message_hub.log_scalars
    if not isinstance(value, Tensor):
        message_hub.update_scalar(name, value)
        return
    if not isinstance(scalars.get(name), LateHistory):
        # resumed ones are mmengine's
        scalars[name] = LateHistory(scalars.get(name))
        message_hub._set_resumed_keys(name, True)  # else checkpoints would leave it out
    scalars[name].put(value)


@HOOKS.register_module()
class LateRuntimeInfoHook(RuntimeInfoHook):
    """mmengine's hook that hands the losses of a step to the log, without reading them.

    mmengine reads each of them in each step and so waits for the device as often.
    """

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Log the losses of a step."""
        for name, value in (outputs or {}).items():
            log_late(runner.message_hub, f"train/{name}", value)
