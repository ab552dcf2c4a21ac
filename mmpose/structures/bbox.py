"""Boxes, crop windows and the unbiased affine (UDP, arXiv:1911.07524) between image and crop.

Every function takes tensors or numpy arrays and returns the same kind; leading dimensions are
free. Boxes are float pixels of the original image, xyxy unless the name says otherwise.
"""

from types import ModuleType
from typing import TypeVar

import numpy as np
import torch

Array = TypeVar("Array", np.ndarray, torch.Tensor)


def array_namespace(array: Array) -> ModuleType:
    """``torch`` for a tensor, ``numpy`` for an array: both spell what is used here alike."""
    if isinstance(array, torch.Tensor):
        return torch
    if isinstance(array, np.ndarray):
        return np
    raise TypeError(f"expected a tensor or a numpy array, got {type(array).__name__}")


def bbox_xyxy2xywh(bboxes: Array) -> Array:
    """Corners (..., 4) to left, top, width, height (..., 4)."""
    xp = array_namespace(bboxes)
    return xp.concatenate([bboxes[..., :2], bboxes[..., 2:] - bboxes[..., :2]], -1)


def bbox_xywh2xyxy(bboxes_xywh: Array) -> Array:
    """Left, top, width, height (..., 4) to corners (..., 4)."""
    xp = array_namespace(bboxes_xywh)
    return xp.concatenate([bboxes_xywh[..., :2], bboxes_xywh[..., :2] + bboxes_xywh[..., 2:]], -1)


def bbox_xyxy2cs(bboxes: Array, padding: float = 1.0) -> tuple[Array, Array]:
    """Centre and padded size of boxes.

    Args:
        bboxes: (..., 4) xyxy.
        padding: what width and height are multiplied by.

    Returns:
        Centres (..., 2) and scales (..., 2) as (w, h), both in the pixels of the boxes.
    """
    first, last = bboxes[..., :2], bboxes[..., 2:]
    return (first + last) * 0.5, (last - first) * padding


def bbox_cs2xyxy(centers: Array, scales: Array, padding: float = 1.0) -> Array:
    """Corners (..., 4) of boxes from centres and padded sizes (..., 2); undoes the padding."""
    half = scales / padding * 0.5
    return array_namespace(centers).concatenate([centers - half, centers + half], -1)


def fix_aspect_ratio(scales: Array, aspect_ratio: float) -> Array:
    """Enlarge the short side of (..., 2) sizes until w / h equals ``aspect_ratio``."""
    xp = array_namespace(scales)
    width, height = scales[..., 0], scales[..., 1]
    return xp.stack(
        [xp.maximum(width, height * aspect_ratio), xp.maximum(height, width / aspect_ratio)], -1
    )


def get_udp_warp_matrix(
    centers: Array, scales: Array, rotations: Array | float, output_size: tuple[int, int]
) -> Array:
    """Affine from image to crop that maps border pixel centres onto border pixel centres.

    Args:
        centers: (..., 2) centre of the window, image pixels.
        scales: (..., 2) width and height of the window, of the aspect ratio of the crop.
        rotations: (...) degrees, or one number for all.
        output_size: (w, h) of the crop.

    Returns:
        (..., 2, 3) in the dtype of ``centers``: crop = matrix[:, :2] @ image + matrix[:, 2].
    """
    xp = array_namespace(centers)
    angles = rotations * (np.pi / 180.0) + 0.0 * centers[..., 0]
    cos, sin = xp.cos(angles), xp.sin(angles)
    center_x, center_y = centers[..., 0], centers[..., 1]
    factor_x = (output_size[0] - 1) / scales[..., 0]
    factor_y = (output_size[1] - 1) / scales[..., 1]
    shift_x = -center_x * cos + center_y * sin + 0.5 * scales[..., 0]
    shift_y = -center_x * sin - center_y * cos + 0.5 * scales[..., 1]
    row_x = xp.stack([factor_x * cos, -factor_x * sin, factor_x * shift_x], -1)
    row_y = xp.stack([factor_y * sin, factor_y * cos, factor_y * shift_y], -1)
    return xp.stack([row_x, row_y], -2)


def flip_bbox(bboxes: Array, image_width: int) -> Array:
    """Boxes (..., 4) xyxy in the image mirrored left to right, by the pixel-centre rule."""
    xp = array_namespace(bboxes)
    left, top, right, bottom = (bboxes[..., i] for i in range(4))
    return xp.stack([image_width - 1 - right, top, image_width - 1 - left, bottom], -1)
