"""What users hand in, checked once: images, boxes, masks."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

# what OpenCV's encoders are asked by -> the endings that files of that format have
_FORMATS = {
    ".avif": (".avif",),
    ".bmp": (".bmp", ".dib"),
    ".gif": (".gif",),
    ".hdr": (".hdr", ".pic"),
    ".jp2": (".jp2", ".j2k"),
    ".jpg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    ".jxl": (".jxl",),
    ".pfm": (".pfm",),
    ".png": (".png", ".apng"),
    ".ppm": (".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pxm"),
    ".ras": (".ras", ".sr"),
    ".tif": (".tif", ".tiff"),
    ".webp": (".webp",),
}


@cache
def image_suffixes() -> tuple[str, ...]:
    """Endings of the files that this build of OpenCV reads, in lower case, sorted.

    OpenEXR is left out: OpenCV refuses it unless an environment variable allows it.
    """
    built_in = [format_ for format_ in _FORMATS if cv2.haveImageWriter(f"name{format_}")]
    return tuple(sorted(suffix for format_ in built_in for suffix in _FORMATS[format_]))


def read_image(image: str | os.PathLike | np.ndarray) -> np.ndarray:
    """An image as (H, W, 3) uint8 BGR.

    Args:
        image: a file that OpenCV can decode, or an array that is taken as it is.

    Raises:
        ValueError: the file is missing or no image, or the array has another shape or dtype.
        TypeError: neither path nor array.
    """
    if isinstance(image, str | os.PathLike):
        return _decode(Path(image))
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"an image must be a path or a (H, W, 3) uint8 BGR array, got {type(image).__name__}"
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(
            f"an image array must be (H, W, 3) uint8 BGR, got {image.dtype} of shape "
            f"{image.shape}; cv2.cvtColor and astype(np.uint8) convert"
        )
    return image


def is_turned(path: Path, image: np.ndarray) -> bool:
    """Whether the EXIF data of a file turn it, so that tools that ignore these see another image.

    Args:
        path: a file that can be read.
        image: what :func:`read_image` gives of it.
    """
    return not np.array_equal(image, _decode(path, cv2.IMREAD_IGNORE_ORIENTATION))


def _decode(path: Path, flags: int = 0) -> np.ndarray:
    try:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise ValueError(f"cannot read image {path}: {error.strerror or error}") from error
    try:
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR | flags) if encoded.size else None
    except cv2.error as error:  # too many pixels, a format that is switched off
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"cannot read image {path}: {reason}") from error
    if image is None:
        raise ValueError(f"cannot read image {path}: not an image, or cut off")
    return image


def read_bboxes(bboxes: Any) -> Tensor:
    """Boxes as a tensor.

    Args:
        bboxes: (N, 4) xyxy, image pixels: array, tensor or nested list; an empty one of any shape.

    Returns:
        (N, 4) float32.

    Raises:
        ValueError: another shape, a number that is not finite, or corners in the wrong order.
    """
    tensor = torch.as_tensor(bboxes if torch.is_tensor(bboxes) else np.asarray(bboxes, np.float32))
    tensor = tensor.to(torch.float32)
    if tensor.numel() == 0:
        return tensor.reshape(0, 4)
    if tensor.ndim != 2 or tensor.shape[1] != 4:
        raise ValueError(f"bboxes must be (N, 4) xyxy, got shape {tuple(tensor.shape)}")
    if not tensor.isfinite().all() or (tensor[:, 2:] <= tensor[:, :2]).any():
        raise ValueError(
            "bboxes must be xyxy with x2 > x1 and y2 > y1 in pixels; are these xywh boxes? "
            f"got {tensor.tolist()[:3]}"
        )
    return tensor


def read_masks(masks: Any, num_people: int, image_shape: tuple[int, int]) -> Tensor | None:
    """Masks as a tensor.

    Args:
        masks: (N, H, W), one (H, W), or a list of (H, W); anything but 0 is inside. None: none.
        num_people: N that the masks must have.
        image_shape: (H, W) that they must have.

    Returns:
        (N, H, W) bool, or None.

    Raises:
        ValueError: their number or size does not fit.
    """
    if masks is None:
        return None
    if isinstance(masks, list | tuple):
        masks = np.stack([np.asarray(mask) for mask in masks]) if len(masks) else np.zeros(0)
    tensor = torch.as_tensor(masks) != 0
    if tensor.numel() == 0 and num_people == 0:
        return tensor.reshape(0, *image_shape)
    tensor = tensor[None] if tensor.ndim == 2 else tensor
    if tuple(tensor.shape) != (num_people, *image_shape):
        raise ValueError(
            f"masks must be (N, H, W) = {(num_people, *image_shape)}, one a box and as large as "
            f"the image, got shape {tuple(tensor.shape)}"
        )
    return tensor
