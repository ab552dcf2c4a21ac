"""Bringing what the host has to a device without waiting for it.

A copy that waits makes the host idle until the device has done all that was asked of it, and then
the device idle until the host has asked for more.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def waits_for_no_copy(device: torch.device) -> bool:
    """Whether a copy to the device may go on while the host does: not on Apple's GPUs, where the
    source would have to be kept until it ends."""
    return device.type != "mps"


def small_tensor(
    values: Sequence | float, *, device: torch.device, dtype: torch.dtype | None = None
) -> Tensor:
    """A few numbers as a tensor on a device.

    Args:
        values: numbers, nested alike.
        device: where the answer lies.
        dtype: of the answer; None: as torch reads the numbers.
    """
    # made on the host: torch.tensor(..., device=...) waits for the device
    tensor = torch.as_tensor(values, dtype=dtype)
    return tensor.to(device, non_blocking=waits_for_no_copy(device))


def stack_on(
    tensors: Sequence[Tensor], *, device: torch.device, dtype: torch.dtype | None = None
) -> Tensor:
    """Tensors (...) of one shape as one (B, ...) on a device.

    Args:
        tensors: B of them, on the host or on the device.
        device: where the answer lies.
        dtype: of the answer; None: theirs.
    """
    first = tensors[0]
    if device.type != "cuda" or first.device.type != "cpu":
        stacked = torch.stack(list(tensors))
    else:
        # of memory that the device reads by itself; torch keeps it and gives it again when the
        # copy is done
        shape = (len(tensors), *first.shape)
        stacked = torch.empty(shape, dtype=first.dtype, pin_memory=True)
        torch.stack(list(tensors), out=stacked)
    return stacked.to(device=device, dtype=dtype, non_blocking=waits_for_no_copy(device))
