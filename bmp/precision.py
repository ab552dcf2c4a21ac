"""In which numbers the networks of detector and segmenter run; all else stays in float32."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from mmpose.apis.model import read_dtype


def network_precision(
    device: torch.device, dtype: str | torch.dtype
) -> Callable[[], torch.autocast]:
    """Makes the context that a network runs in.

    Args:
        device: where it runs.
        dtype: ``fp32`` or ``bf16``, for its matrix products; weights stay float32.

    Raises:
        ValueError: another dtype.
    """
    chosen = read_dtype(dtype)
    return partial(torch.autocast, device.type, chosen, enabled=chosen != torch.float32)


def lower_precision(module: nn.Module, device: torch.device, dtype: str | torch.dtype) -> None:
    """Let a module run in ``dtype`` and answer in float32, whatever calls it."""
    context = network_precision(device, dtype)
    run = module.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        with context():
            answer = run(*args, **kwargs)
        return tree_map(lambda x: x.float() if isinstance(x, Tensor) else x, answer)

    module.forward = forward
