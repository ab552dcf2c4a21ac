"""Masks at the size of the image from a coarse grid of logits.

mmdet enlarges the grid to the network's input and that to the image, in two bilinear steps and in
floats for every pixel of every person. Both steps are linear, and each axis has its own, so that
the two are one (:mod:`bmp.enlarging`).
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from bmp.enlarging import Axis, enlarge_masks, make_axis
from mmpose.structures.packed_masks import PackedMasks


def upsample_masks(
    logits: Tensor,
    image_shape: tuple[int, int],
    *,
    stride: int,
    scale_factor: tuple[float, float] = (1.0, 1.0),
    threshold: float = 0.5,
) -> PackedMasks:
    """Masks at full resolution, as mmdet's two bilinear steps give them.

    Args:
        logits: (N, h, w); cell 0 starts at the corner of the image.
        image_shape: (H, W); what lies beyond is cut off.
        stride: pixels of the network's input per cell.
        scale_factor: of the image to the network's input, (w, h).
        threshold: probability above which a pixel belongs to the person.

    Returns:
        (N, H, W) as bits, on the device of the logits.
    """
    rows, columns = (
        _read_axis(cells, length, stride, scale, logits.device)
        for cells, length, scale in zip(
            logits.shape[1:], image_shape, reversed(scale_factor), strict=True
        )
    )
    return enlarge_masks(logits, rows, columns, level=math.log(threshold / (1 - threshold)))


@lru_cache(maxsize=16)  # images of one size come one after the other
def _read_axis(
    num_cells: int, length: int, stride: int, scale: float, device: torch.device
) -> Axis:
    """An axis of ``length`` pixels, worked out on the CPU, so that nobody waits for the device."""
    cells = torch.eye(num_cells)[None]
    weights = F.interpolate(cells, scale_factor=float(stride), mode="linear")
    factor = (1 + 1e-12) / scale  # a hair more, so that rounding never leaves the last pixel out
    weights = F.interpolate(weights, scale_factor=factor, mode="linear")[0, :, :length]
    axis = make_axis(weights.T)
    return axis._replace(weights=axis.weights.to(device, non_blocking=True))
