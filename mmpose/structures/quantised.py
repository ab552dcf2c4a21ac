"""Weights in 8 bits: a quarter of the bytes, for files that ship.

Symmetric, one scale per row (output channel, and input channel for transposed convolutions: the
first dimension): w ≈ q s with q in −127 ... 127 and s = max|w| / 127, so no weight moves by more
than half of s. Vectors (biases, normalisation) and small tensors keep their 16 bits.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE_SUFFIX = ".row_scale"
_SMALLEST = 1024  # elements; below, the scales would outweigh what is saved


def halve_weight(name: str, value: Tensor) -> Tensor:
    """A floating-point tensor as float16.

    Args:
        name: what the message calls it.
        value: of any shape.

    Raises:
        ValueError: a finite value of it is too large.
    """
    half = value.half()
    if (half.isinf() & value.isfinite()).any():
        raise ValueError(
            f"{name} has the value {value[value.isfinite()].abs().max():g}; half precision ends at "
            f"{torch.finfo(torch.half).max:g}: save with bits=32"
        )
    return half


def quantise_weights(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Store matrices and kernels in 8 bits.

    Args:
        state_dict: the tensors.

    Returns:
        For a large floating-point tensor of two or more dimensions its int8 values under its name
        and the scales (rows,) float32 under the name with :data:`SCALE_SUFFIX`; other
        floating-point tensors as float16, the rest as they are.

    Raises:
        ValueError: a value of such another tensor is beyond float16.
    """
    stored = {}
    for name, value in state_dict.items():
        if not value.is_floating_point():
            stored[name] = value
        elif value.ndim < 2 or value.numel() < _SMALLEST:
            stored[name] = halve_weight(name, value)
        else:
            rows = value.float().flatten(1)
            scales = (rows.abs().amax(1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
            stored[name] = (rows / scales[:, None]).round().to(torch.int8).view(value.shape)
            stored[name + SCALE_SUFFIX] = scales
    return stored


def restore_weights(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict behind :func:`quantise_weights`; others come back unchanged.

    Raises:
        ValueError: scales without the tensor they belong to.
    """
    restored = {name: value for name, value in stored.items() if not name.endswith(SCALE_SUFFIX)}
    for name in stored.keys() - restored.keys():
        owner = name.removesuffix(SCALE_SUFFIX)
        if owner not in restored:
            raise ValueError(f"the file has the scales {name!r}, but no {owner!r}; get it again")
        rows = restored[owner].flatten(1).float() * stored[name][:, None]
        restored[owner] = rows.view(restored[owner].shape)
    return restored
