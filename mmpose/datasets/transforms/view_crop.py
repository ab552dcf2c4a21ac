"""Cutting a crop out of an `ImageView`, with the pixels that `cut_crop` gives of the image."""

import threading

import cv2
import numpy as np
import torch

from mmpose.datasets.image_views import Box, ImageView, ImageWindow, reduce_mask
from mmpose.structures.device_crops import DeferredCrop

from .region_mask import RegionMask

_STEP = 1 / 1024  # OpenCV's steps of source coordinates, pixels
_scratch = threading.local()


def scratch_image(height: int, width: int) -> np.ndarray:
    """Memory (h, w, 3) uint8 of this thread, until it asks again; its content is anything.

    New memory of a window costs more time than dimming it.
    """
    size = 3 * height * width
    if getattr(_scratch, "memory", np.zeros(0)).size < size:
        _scratch.memory = np.empty(size, np.uint8)
    return _scratch.memory[:size].reshape(height, width, 3)


def invert_as_opencv(matrix: np.ndarray) -> np.ndarray:
    """The inverse of an affine (2, 3), by the operations and in the order of ``warpAffine``."""
    a, b, x, c, d, y = matrix.astype(np.float64).ravel().tolist()
    determinant = a * d - b * c
    factor = 1 / determinant if determinant else 0.0
    a, b, c, d = d * factor, b * -factor, c * -factor, a * factor
    return np.array([[a, b, -a * x - b * y], [c, d, -c * x - d * y]])


def crop_to_stored(
    view: ImageView, matrix: np.ndarray, box: Box, stored: Box, reduction: int
) -> np.ndarray:
    """The affine from a crop to the pixels that a view gives.

    Args:
        view: the image.
        matrix: (2, 3), image as it is taken to crop.
        box: of that image, what the view was asked for.
        stored: of the image as it is stored, what its pixels show.
        reduction: n of the pixels. Pixel u shows n pixels from n u on, so that its centre is
            n u + (n - 1) / 2.

    Returns:
        (2, 3) float64.
    """
    shifted = matrix.astype(np.float64)
    shifted[:, 2] += shifted[:, :2] @ box[:2]
    inverse = invert_as_opencv(shifted)  # to pixels of the box
    if view.is_mirrored:
        inverse[0] *= -1
        # fractions are rounded half up, so mirrored ones half down: a step less does that
        inverse[0, 2] += box[2] - box[0] - 1 - _STEP
    if reduction > 1:
        inverse[:, 2] += np.subtract(view.unmirrored(box)[:2], stored[:2]) - (reduction - 1) / 2
        inverse /= reduction
    return inverse


def dim_stored(
    pixels: np.ndarray, stored: Box, reduction: int, mask: RegionMask, alpha: float
) -> np.ndarray:
    """Stored pixels dimmed outside the mask, in scratch memory; see `dim_background`.

    Args:
        pixels: (h, w, 3) uint8.
        stored: of the image as it is stored, what they show.
        reduction: n; pixels that the mask covers in part are dimmed in part.
        mask: of the image as it is stored.
        alpha: what is outside is multiplied by ``1 - alpha``.
    """
    dimmed = cv2.convertScaleAbs(pixels, dst=scratch_image(*pixels.shape[:2]), alpha=1 - alpha)
    part = mask.within(*stored)
    if not part.pixels.size:
        return dimmed
    if reduction == 1:
        cv2.copyTo(pixels[part.window], part.pixels, dimmed[part.window])
        return dimmed
    height, width = part.pixels.shape
    left, top = part.left // reduction, part.top // reduction
    right, bottom = -(-(part.left + width) // reduction), -(-(part.top + height) // reduction)
    # whole cells: one at the border of the image may reach beyond its last pixel
    cells = part.cut(*(reduction * corner for corner in (left, top, right, bottom)))
    shares = reduce_mask(cells, reduction)
    window = np.s_[top:bottom, left:right]
    dimmed[window] = cv2.blendLinear(pixels[window], dimmed[window], shares, 1 - shares)
    return dimmed


def _scale_of(matrix: np.ndarray) -> float:
    """Crop pixels per image pixel of an affine (2, 3)."""
    a, b, _, c, d, _ = matrix.ravel().tolist()
    return abs(a * d - b * c) ** 0.5


def cut_view_crop(
    view: ImageView,
    matrix: np.ndarray,
    box: Box,
    output_size: tuple[int, int],
    *,
    mask: RegionMask | None,
    alpha: float,
) -> np.ndarray:
    """Warp a window of a view to the crop, black outside the image; see `cut_crop`.

    Args:
        view: the image.
        matrix: (2, 3), image to crop.
        box: what of the image the crop is made of, not empty.
        output_size: (w, h).
        mask: of the person; None dims nothing.
        alpha: what is outside the mask is multiplied by ``1 - alpha``.

    Returns:
        (h, w, 3) uint8.
    """
    reduction = view.reduction(_scale_of(matrix))
    pixels, stored = view.read(box, reduction)
    if mask is not None:
        mask = mask.mirrored(view.shape[1]) if view.is_mirrored else mask
        pixels = dim_stored(pixels, stored, reduction, mask, alpha)
    inverse = crop_to_stored(view, matrix, box, stored, reduction)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(pixels, inverse, output_size, flags=flags)


def defer_crop(
    image: np.ndarray | ImageView,
    matrix: np.ndarray,
    box: Box,
    output_size: tuple[int, int],
    *,
    mask: RegionMask | None,
    alpha: float,
) -> DeferredCrop:
    """What the crop is made of, for `cut_deferred`; arguments as those of `cut_view_crop`.

    Where a file was decoded at reduced size, so is the mask: its pixels are in or out.
    """
    if isinstance(image, np.ndarray):
        image = ImageWindow(shape=image.shape, pixels=image, left=0, top=0)
    reduction = image.reduction(_scale_of(matrix))
    pixels, stored = image.read(box, reduction)
    inside = None
    if mask is not None and alpha:
        mask = mask.mirrored(image.shape[1]) if image.is_mirrored else mask
        inside = mask.cut(*stored)
        if reduction > 1:
            inside = (reduce_mask(inside, reduction) >= 0.5).view(np.uint8)
        inside = torch.from_numpy(np.ascontiguousarray(inside))
    return DeferredCrop(
        torch.from_numpy(pixels.copy()),
        torch.from_numpy(crop_to_stored(image, matrix, box, stored, reduction)),
        output_size,
        inside,
        alpha,
    )
