"""Steps of an optimiser that the host does not wait for, in float32 or bfloat16."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from mmpose.engine.late_scalars import log_late


@OPTIM_WRAPPERS.register_module()
class NoWaitOptimWrapper(OptimWrapper):
    """mmengine's `OptimWrapper`, whose norm of the gradients is read late, and bfloat16.

    bfloat16 has the range of float32, so that losses need no scale, whose check mmengine's
    `AmpOptimWrapper` waits for; weights, their gradients and the optimiser stay in float32.

    Args:
        dtype: of matrix products and convolutions: ``bfloat16``; None: float32.
        **kwargs: of `OptimWrapper`.

    Raises:
        ValueError: another type.
    """

    def __init__(self, *, dtype: str | None = None, **kwargs) -> None:
        if dtype not in (None, "bfloat16"):
            raise ValueError(
                f"dtype must be 'bfloat16' or None, got {dtype!r}; float16 needs the scale of "
                "losses that mmengine's AmpOptimWrapper has"
            )
        super().__init__(**kwargs)
        self.dtype = dtype

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast to the type, and mmengine's rule when processes exchange gradients."""
        parameter = next(model.parameters())
        precision = nullcontext()
        if self.dtype is not None:
            precision = torch.autocast(parameter.device.type, getattr(torch, self.dtype))
        with super().optim_context(model), precision:
            yield

    def _clip_grad(self) -> None:
        parameters = [
            parameter
            for group in self.optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        if not parameters:
            return
        norm = self.clip_func(parameters, **self.clip_grad_kwargs)
        if norm is not None:  # clipping by value has none
            log_late(self.message_hub, f"train/{self.grad_name}", norm)
