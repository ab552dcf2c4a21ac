"""In which numbers the networks of detector and segmenter run; all else stays in float32."""

from collections.abc import Callable
from functools import partial

import torch

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
