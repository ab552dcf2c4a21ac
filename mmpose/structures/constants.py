"""Small constants on a device, sent there once."""

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=256)
def constant(values: tuple, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """Numbers (nested tuples) as a tensor that nobody may change.

    Making it anew each time would copy from the host, and so wait for the device, each time.
    """
    return torch.tensor(values, dtype=dtype, device=device)


def is_free_to_read(tensor: Tensor) -> bool:
    """Whether its numbers can be looked at without a wait for a device.

    Where they can, the numbers may shorten the work (masks inside their boxes alone); never may
    the answer depend on it. What is traced, for a compiler or an ONNX file, has no numbers yet.
    """
    return tensor.is_cpu and not torch.compiler.is_compiling()


def read_together(tensors: list[Tensor]) -> list[Tensor]:
    """Tensors of one device on the host, by one copy: the only wait for the device that it takes.

    Args:
        tensors: of any shapes and dtypes whose numbers float64 holds.

    Returns:
        The same on the CPU.
    """
    if len({tensor.device for tensor in tensors}) != 1 or is_free_to_read(tensors[0]):
        return [tensor.cpu() for tensor in tensors]  # each device is waited for by itself
    joined = torch.cat([tensor.reshape(-1).double() for tensor in tensors]).cpu()
    parts = joined.split([tensor.numel() for tensor in tensors])
    return [
        part.view(tensor.shape).to(tensor.dtype)
        for part, tensor in zip(parts, tensors, strict=True)
    ]
