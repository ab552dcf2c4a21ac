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


def bbox_xywh2cs(bboxes_xywh: Array, padding: float = 1.0) -> tuple[Array, Array]:
    """Centres and padded sizes (..., 2) of left, top, width, height (..., 4)."""
    return bbox_xyxy2cs(bbox_xywh2xyxy(bboxes_xywh), padding)


def bbox_cs2xywh(centers: Array, scales: Array, padding: float = 1.0) -> Array:
    """Left, top, width, height (..., 4) from centres and padded sizes (..., 2)."""
    return bbox_xyxy2xywh(bbox_cs2xyxy(centers, scales, padding))


def bbox_areas(bboxes: Array) -> Array:
    """Areas (...,) of boxes (..., 4) xyxy, px²; 0 for a box whose corners are swapped."""
    return _area(bboxes[..., 2:] - bboxes[..., :2])


def bbox_overlaps(
    bboxes1: Array, bboxes2: Array, mode: str = "iou", is_aligned: bool = False, eps: float = 1e-6
) -> Array:
    """How much boxes share, under MMPose's name.

    Args:
        bboxes1: (..., M, 4) xyxy.
        bboxes2: (..., N, 4) xyxy, of the same kind.
        mode: ``iou``: common area by that of both; ``iof``: by that of the first;
            ``giou``: generalised (arXiv:1902.09630).
        is_aligned: compare each with its partner instead of all with all; M equals N.
        eps: areas that are divided by are at least this, px².

    Returns:
        (..., M, N); (..., M) of partners.

    Raises:
        ValueError: another mode, boxes of other than four numbers, or partners are missing.
    """
    if mode not in ("iou", "iof", "giou"):
        raise ValueError(f"mode must be 'iou', 'iof' or 'giou', got {mode!r}")
    shapes = f"got {tuple(bboxes1.shape)} and {tuple(bboxes2.shape)}"
    if bboxes1.shape[-1] != 4 or bboxes2.shape[-1] != 4:
        raise ValueError(f"boxes must be (..., M, 4) and (..., N, 4), {shapes}")
    if is_aligned and bboxes1.shape != bboxes2.shape:
        raise ValueError(f"is_aligned=True compares boxes of equal number, {shapes}")
    xp = array_namespace(bboxes1)
    first, second = (
        (bboxes1, bboxes2) if is_aligned else (bboxes1[..., :, None, :], bboxes2[..., None, :, :])
    )
    larger, smaller = xp.maximum(first, second), xp.minimum(first, second)
    common = _area(smaller[..., 2:] - larger[..., :2])
    own = [bbox_areas(boxes) for boxes in (first, second)]
    union = own[0] + (0 * common if mode == "iof" else own[1] - common)
    shares = common / union.clip(eps)
    if mode != "giou":
        return shares
    hull = _area(larger[..., 2:] - smaller[..., :2]).clip(eps)
    return shares - (hull - union) / hull


def _area(sizes: Array) -> Array:
    """Products of (..., 2) widths and heights, 0 where one is negative."""
    return sizes[..., 0].clip(0) * sizes[..., 1].clip(0)


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


def get_warp_matrix(
    center: np.ndarray,
    scale: np.ndarray,
    rot: float,
    output_size: tuple[int, int],
    shift: tuple[float, float] = (0.0, 0.0),
    inv: bool = False,
    fix_aspect_ratio: bool = True,
) -> np.ndarray:
    """Affine from image to crop that maps pixel edges onto pixel edges, under MMPose's name.

    The window is turned by ``rot``, so what it shows turns the other way, against
    :func:`get_udp_warp_matrix` and :func:`mmpose.structures.get_plain_warp_matrix`, which turn
    the image.

    Args:
        center: (2,) of the window, image pixels; lands on (w / 2, h / 2).
        scale: (2,) its width and height.
        rot: degrees.
        output_size: (w, h) of the crop.
        shift: of the window, in its own widths and heights.
        inv: give the way back, from crop to image.
        fix_aspect_ratio: both axes are resized as the width is; else each to fill the crop.

    Returns:
        (2, 3) float64.

    Raises:
        ValueError: center or scale are not two numbers.
    """
    center, scale = (np.asarray(value, dtype=np.float64) for value in (center, scale))
    if center.shape != (2,) or scale.shape != (2,):
        raise ValueError(f"center and scale must be (2,), got {center.shape} and {scale.shape}")
    middle, size = center + scale * np.asarray(shift), np.asarray(output_size, dtype=np.float64)
    factors = size / scale
    if fix_aspect_ratio:
        factors[1] = factors[0]
    cos, sin = np.cos(np.deg2rad(rot)), np.sin(np.deg2rad(rot))
    turn = factors[:, None] * np.array([[cos, sin], [-sin, cos]])
    if inv:
        turn, size, middle = np.linalg.inv(turn), 2 * middle, size / 2
    return np.column_stack([turn, size / 2 - turn @ middle])


def flip_bbox(bboxes: Array, image_width: int) -> Array:
    """Boxes (..., 4) xyxy in the image mirrored left to right, by the pixel-centre rule."""
    xp = array_namespace(bboxes)
    left, top, right, bottom = (bboxes[..., i] for i in range(4))
    return xp.stack([image_width - 1 - right, top, image_width - 1 - left, bottom], -1)
