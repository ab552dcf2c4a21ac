"""Images of any size onto one canvas, as mmdet's test pipeline does it, with people left out.

The arithmetic is that of OpenCV's ``resize`` with linear interpolation of bytes (weights of 1/2048,
rounded twice), so that the pixels are the same on every device.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmpose.inputs import Image, check_image, image_tensor
from mmpose.structures.packed_masks import PackedMasks
from mmpose.structures.planes import image_planes

_WEIGHT_BITS = 11


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

    pixels: Tensor
    """(3, h, w) uint8, padding included."""
    inner_shape: tuple[int, int]
    """(h, w) of the resized image."""
    scale_factor: tuple[float, float]
    """Canvas pixels per image pixel, (w, h): they differ by rounding."""
    image_shape: tuple[int, int]
    """(H, W) of the image."""


def letterbox(image: Image, canvas: Canvas, hidden: PackedMasks | None = None) -> Letterboxed:
    """Resize an image to fit, and pad it at the right and bottom.

    Args:
        image: (H, W, 3) uint8.
        canvas: what it is fitted into.
        hidden: (N, H, W) on the device of the image; pixels of any of them are black. Only the
            rows that the result is made of are blackened.

    Raises:
        ValueError: the masks have another size than the image.
    """
    image = image_tensor(check_image(image))
    height, width = image.shape[:2]
    if hidden is not None and hidden.shape[1:] != (height, width):
        raise ValueError(
            f"masks are (H, W) = {hidden.shape[1:]}, but the image is {(height, width)}"
        )
    inner_width, inner_height = canvas.size
    if canvas.keeps_ratio:
        long, short = max(canvas.size), min(canvas.size)
        ratio = min(long / max(height, width), short / min(height, width))
        inner_width, inner_height = (max(1, int(side * ratio + 0.5)) for side in (width, height))
    pixels = _resize(image, (inner_height, inner_width), hidden)
    if canvas.padded_size is not None:
        pixels = _pad(pixels, canvas.padded_size, canvas.pad_value)
    scale_factor = (inner_width / width, inner_height / height)
    return Letterboxed(pixels, (inner_height, inner_width), scale_factor, (height, width))


def _pad(pixels: Tensor, size: tuple[int, int], value: Sequence[float]) -> Tensor:
    """(3, h, w) to ``size`` (w, h) at the right and bottom."""
    right, bottom = (
        max(0, side - inner) for side, inner in zip(size, pixels.shape[:0:-1], strict=True)
    )
    padding = (0, right, 0, bottom)
    if len(set(value)) == 1:
        return F.pad(pixels, padding, value=int(value[0]))
    planes = [F.pad(p[None], padding, value=int(v)) for p, v in zip(pixels, value, strict=True)]
    return torch.cat(planes)


class _Steps(NamedTuple):
    """Of each new pixel of an axis, the two pixels that it lies between and their weights."""

    first: Tensor
    second: Tensor
    first_weight: Tensor
    second_weight: Tensor


@lru_cache(maxsize=64)  # images of one size come one after the other
def _axis_steps(old: int, new: int, clamps_weights: bool, device: torch.device) -> _Steps:
    """As OpenCV rounds them; beyond the border the border's pixel counts.

    ``clamps_weights``: columns beyond the border have one pixel of weight 1, rows have the same
    pixel twice, with weights that are rounded apart.
    """
    places = ((np.arange(new) + 0.5) * (1.0 / (new / old)) - 0.5).astype(np.float32)
    first = np.floor(places).astype(np.int64)
    share = places - first.astype(np.float32)
    if clamps_weights:
        share = np.where((first < 0) | (first >= old - 1), np.float32(0), share)
    weights = np.rint(np.stack([np.float32(1) - share, share]) * np.float32(1 << _WEIGHT_BITS))
    pixels = np.stack([first, first + 1]).clip(0, old - 1)
    tensors = [*torch.from_numpy(pixels), *torch.from_numpy(weights.astype(np.int32))]
    return _Steps(*(tensor.to(device, non_blocking=True) for tensor in tensors))


def _resize(image: Tensor, shape: tuple[int, int], hidden: PackedMasks | None) -> Tensor:
    """(H, W, 3) uint8 to (3, h, w), pixels of any of the hidden masks as black."""
    (height, width), planes = image.shape[:2], image_planes(image)
    rows = _axis_steps(height, shape[0], False, image.device)
    columns = _axis_steps(width, shape[1], True, image.device)
    # where both sides are halved, OpenCV takes the mean of four pixels
    halves = height == 2 * shape[0] and width == 2 * shape[1]
    outline = None if hidden is None or len(hidden) == 0 else hidden.union()
    lines = []
    for row in (rows.first, rows.second):
        line = planes.index_select(1, row)  # (3, h, W)
        if outline is not None:
            covered = PackedMasks(outline.bits.index_select(1, row), width).unpack()
            line.masked_fill_(covered, 0)
        left, right = (line.index_select(2, places).int() for places in columns[:2])
        lines.append(
            left + right if halves else left * columns.first_weight + right * columns.second_weight
        )
    if halves:
        return ((lines[0] + lines[1] + 2) >> 2).to(torch.uint8)
    # 22 bits behind the point are taken off in three roundings, as OpenCV's vector code does
    parts = [
        ((line >> 4) * weight[:, None]) >> 16 for line, weight in zip(lines, rows[2:], strict=True)
    ]
    return ((parts[0] + parts[1] + 2) >> 2).to(torch.uint8)


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
