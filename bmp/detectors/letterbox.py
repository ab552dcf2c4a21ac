"""Images of any size onto one canvas, as mmdet's test pipeline does it."""

from typing import NamedTuple

import cv2
import numpy as np

PAD_VALUE = 114


class Letterboxed(NamedTuple):
    """An image on its canvas: where it lies (top left) and how it was scaled."""

    canvas: np.ndarray
    """(h, w, 3) uint8."""
    inner_shape: tuple[int, int]
    """(h, w) of the resized image."""
    scale_factor: tuple[float, float]
    """Canvas pixels per image pixel, (w, h): they differ by rounding."""
    image_shape: tuple[int, int]
    """(H, W) of the image."""


def check_image(image: np.ndarray) -> None:
    """Refuse what is not a (H, W, 3) uint8 array with pixels.

    Raises:
        TypeError: no array, or of another dtype.
        ValueError: another shape; the message says how to convert.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = getattr(image, "dtype", type(image).__name__)
        raise TypeError(f"an image must be a uint8 array (H, W, 3) in BGR order, got {kind}")
    if image.ndim == 3 and image.shape[2] == 3 and image.size:
        return
    mend = ""
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        mend = "; a grey image becomes one by cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)"
    elif image.ndim == 3 and image.shape[2] == 4:
        mend = "; drop the transparency with image[..., :3]"
    raise ValueError(f"an image must have shape (H, W, 3), got {image.shape}{mend}")


def letterbox(image: np.ndarray, size: tuple[int, int]) -> Letterboxed:
    """Resize to fit, keeping the ratio, and pad at the right and bottom.

    Args:
        image: (H, W, 3) uint8.
        size: (w, h) of the canvas; the longer side of the image meets the longer side.
    """
    height, width = image.shape[:2]
    ratio = min(max(size) / max(height, width), min(size) / min(height, width))
    inner_width, inner_height = (max(1, int(side * ratio + 0.5)) for side in (width, height))
    resized = cv2.resize(image, (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
    canvas = np.full(
        (max(size[1], inner_height), max(size[0], inner_width), 3), PAD_VALUE, dtype=np.uint8
    )
    canvas[:inner_height, :inner_width] = resized
    scale_factor = (inner_width / width, inner_height / height)
    return Letterboxed(canvas, (inner_height, inner_width), scale_factor, (height, width))
