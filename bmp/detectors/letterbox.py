"""Images of any size onto one canvas, as mmdet's test pipeline does it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np


class Canvas(NamedTuple):
    """What images are fitted into."""

    size: tuple[int, int]
    """(w, h); the longer side of the image meets the longer side."""
    padded_size: tuple[int, int] | None = None
    """(w, h) to pad to; None leaves padding to the model, which knows the batch."""
    pad_value: tuple[float, float, float] = (114.0, 114.0, 114.0)
    """Colour of the padding, in the order of the image's channels."""
    keeps_ratio: bool = True
    """Whether width and height are scaled alike; otherwise both meet ``size``."""


class Letterboxed(NamedTuple):
    """An image on its canvas: where it lies (top left) and how it was scaled."""

    pixels: np.ndarray
    """(h, w, 3) uint8, padding included."""
    inner_shape: tuple[int, int]
    """(h, w) of the resized image."""
    scale_factor: tuple[float, float]
    """Canvas pixels per image pixel, (w, h): they differ by rounding."""
    image_shape: tuple[int, int]
    """(H, W) of the image."""


def letterbox(image: np.ndarray, canvas: Canvas) -> Letterboxed:
    """Resize an image (H, W, 3) uint8 to fit, and pad it at the right and bottom."""
    height, width = image.shape[:2]
    inner_width, inner_height = canvas.size
    if canvas.keeps_ratio:
        long, short = max(canvas.size), min(canvas.size)
        ratio = min(long / max(height, width), short / min(height, width))
        inner_width, inner_height = (max(1, int(side * ratio + 0.5)) for side in (width, height))
    pixels = cv2.resize(image, (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
    if canvas.padded_size is not None:
        right, bottom = (
            max(0, side - inner)
            for side, inner in zip(canvas.padded_size, (inner_width, inner_height), strict=True)
        )
        pixels = cv2.copyMakeBorder(
            pixels, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=canvas.pad_value
        )
    scale_factor = (inner_width / width, inner_height / height)
    return Letterboxed(pixels, (inner_height, inner_width), scale_factor, (height, width))


def read_canvas(config: Mapping[str, Any]) -> Canvas:
    """What the test pipeline of an mmdet config does to images.

    Args:
        config: with ``test_dataloader.dataset.pipeline`` or ``test_pipeline``.

    Raises:
        ValueError: there is no ``Resize`` with a scale, or a ``Pad`` of another kind than ``size``
            or ``pad_to_square``.
    """
    pipeline = config.get("test_dataloader", {}).get("dataset", {}).get("pipeline")
    pipeline = pipeline or config["test_pipeline"]
    by_type = {transform["type"].split(".")[-1]: transform for transform in pipeline}
    resize, pad = by_type.get("Resize", {}), by_type.get("Pad")
    if "scale" not in resize:
        raise ValueError(
            "the detector config has no test pipeline with dict(type='Resize', scale=(w, h)); "
            "add it, or pass size=(w, h)"
        )
    canvas = Canvas(tuple(resize["scale"]), keeps_ratio=resize.get("keep_ratio", False))
    if pad is None:
        return canvas
    if pad.get("pad_to_square"):
        size = (max(canvas.size),) * 2
    elif pad.get("size") is not None:
        size = tuple(pad["size"])
    else:
        raise ValueError(
            f"of Pad, only size and pad_to_square are known, got {dict(pad)}; for multiples take "
            "pad_size_divisor of the model's data_preprocessor"
        )
    value = pad.get("pad_val", 0)
    value = value.get("img", 0) if isinstance(value, Mapping) else value
    return canvas._replace(
        padded_size=size, pad_value=tuple(value) if isinstance(value, Sequence) else (value,) * 3
    )
