"""What the encoders of all codecs share: tensors or arrays in, the same kind out."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Encoded = dict[str, Tensor | np.ndarray]


def encode_either_kind(
    encode: Callable[..., dict[str, Tensor]],
    keypoints: Tensor | np.ndarray,
    keypoints_visible: Tensor | np.ndarray | None,
    *labels: Tensor | np.ndarray,
) -> Encoded:
    """Run a tensor encoder on tensors or on numpy arrays.

    Args:
        encode: takes keypoints (N, K, 2), keypoints_visible (N, K) and the labels, all float32.
        keypoints: (N, K, 2), crop pixels.
        keypoints_visible: (N, K), positive where annotated; None takes all as annotated.
        labels: (N, K) each, handed on.

    Raises:
        ValueError: shapes do not fit.
    """
    if keypoints_visible is None:
        keypoints_visible = keypoints[..., 0] * 0 + 1
    if tuple(keypoints.shape) != (*keypoints_visible.shape, 2) or keypoints.ndim != 3:
        raise ValueError(
            "keypoints must be (N, K, 2) and keypoints_visible (N, K), got "
            f"{tuple(keypoints.shape)} and {tuple(keypoints_visible.shape)}"
        )
    arrays = isinstance(keypoints, np.ndarray)
    inputs = (keypoints, keypoints_visible, *labels)
    if arrays:  # torch takes no mirrored views
        inputs = [np.ascontiguousarray(array, dtype=np.float32) for array in inputs]
        with torch.inference_mode():  # arrays have no gradients
            encoded = encode(*map(torch.from_numpy, inputs))
            return {name: t.numpy() for name, t in encoded.items()}
    return encode(*(torch.as_tensor(tensor, dtype=torch.float32) for tensor in inputs))


def axis_offsets(positions: Tensor, length: int) -> Tensor:
    """Distances of all cells of an axis to positions (...), as (..., length)."""
    cells = torch.arange(length, device=positions.device, dtype=positions.dtype)
    return cells - positions[..., None]


def to_heatmap_frame(
    keypoints: Tensor, input_size: tuple[int, int], heatmap_size: tuple[int, int]
) -> Tensor:
    """Keypoints (..., 2) of crop pixels in heatmap cells, border centres on border centres."""
    factors = [(heatmap_size[i] - 1) / (input_size[i] - 1) for i in range(2)]
    return keypoints * keypoints.new_tensor(factors)


def is_inside(points: Tensor, size: tuple[int, int]) -> Tensor:
    """Which of (..., 2) points lie in [0, w) x [0, h), (...) bool."""
    return ((points >= 0) & (points < points.new_tensor(size))).all(-1)


def outer_maps(lines_x: Tensor, lines_y: Tensor, factors: Tensor) -> Tensor:
    """Maps (N, K, h, w) of products of columns (N, K, w) and rows (N, K, h), times (N, K) factors.

    Everything is worked out on the lines; the maps are written once.
    """
    return (lines_y * factors[..., None])[..., :, None] * lines_x[..., None, :]
