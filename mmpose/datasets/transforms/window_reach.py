"""Which part of an image the augmentation of a pipeline may show of a person."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmpose.datasets.image_views import Box
from mmpose.structures import crop_windows

from .blackout import RandomEdgesBlackout
from .colour import PhotometricDistortion
from .converting import KeypointConverter
from .formatting import GenerateTarget, PackPoseInputs
from .loading import LoadImage
from .masking import MaskBackground
from .topdown_affine import TopdownAffine
from .window_fields import choose_padding
from .windows import GetBBoxCenterScale, RandomBBoxTransform, RandomFlip, RandomHalfBody

# steps before the crop that leave the window alone and need the image's shape at most
_STILL = (LoadImage, MaskBackground, RandomFlip)
_MOVING = (GetBBoxCenterScale, RandomHalfBody, RandomBBoxTransform, RandomEdgesBlackout)
_CHOSEN = (*_MOVING, KeypointConverter)  # joints decide which halves there are

# steps that can follow a crop that is cut on the device
_ON_DEVICE = (PhotometricDistortion, GenerateTarget, PackPoseInputs)


@dataclass(frozen=True)
class WindowReach:
    """Boxes that the steps so far may have made of a person's, M alternatives.

    Attributes:
        low: (M, 2) smallest x and y of their centres, image pixels.
        high: (M, 2) largest.
        size: (M, 2) largest width and height.
        rotation: largest rotation either way, degrees.
    """

    low: np.ndarray
    high: np.ndarray
    size: np.ndarray
    rotation: float = 0.0


def window_steps(steps: Iterable[Any]) -> list[Any]:
    """The steps of a pipeline that say which part of an image it shows, the last cuts the crop.

    Raises:
        ValueError: there is no such crop, or a step before it is not known to leave the image
            and the window alone.
    """
    chosen = []
    for step in steps:
        if type(step) is TopdownAffine:
            return [*chosen, step]
        if type(step) in _CHOSEN:
            chosen.append(step)
        elif type(step) not in _STILL or getattr(step, "pad_to_aspect_ratio", False):
            setting = "(pad_to_aspect_ratio=True)" if type(step) is LoadImage else ""
            raise ValueError(
                f"{type(step).__name__}{setting} stands before TopdownAffine and may use any part "
                "of the image: put it behind, or leave out crop_cache and keep_last, reduce of "
                "LoadImage"
            )
    raise ValueError("the pipeline has no TopdownAffine: there is no crop whose part could be cut")


def reach_of(steps: Sequence[Any], sample: dict, img_shape: tuple[int, int]) -> Box:
    """The part of an image that any draw of the steps may show of a person.

    Args:
        steps: see `window_steps`.
        sample: of the person, ``bbox``, ``keypoints``, ``keypoints_visible`` and the indices of
            the halves among its fields.
        img_shape: (h, w).

    Returns:
        Left, top, right, bottom, ints, far ends exclusive; one pixel where that is empty.
    """
    sample, reach, padding = dict(sample), None, None
    for step in steps[:-1]:
        if isinstance(step, KeypointConverter):
            sample = step.transform(dict(sample))
        elif isinstance(step, GetBBoxCenterScale):
            reach, padding = _start(step, sample), step.padding
        elif isinstance(step, RandomHalfBody):
            reach = _with_halves(reach, step, sample)
        elif isinstance(step, RandomBBoxTransform):
            reach = _moved(reach, step)
        else:  # the edges go: any part of the box may be left
            reach = replace(reach, low=reach.low - reach.size / 2, high=reach.high + reach.size / 2)
    crop = steps[-1]
    padding = choose_padding(padding, crop.input_padding)
    boxes = np.concatenate([-reach.size / 2, reach.size / 2], 1)
    sides = crop_windows(boxes, padding, crop.input_size)[1]
    extents = _turned_extents(sides, reach.rotation)
    # the pixels that interpolation takes, and one for the rounding of float32 boxes
    first = np.floor((reach.low - extents).min(0)) - 2
    last = np.ceil((reach.high + extents).max(0)) + 3
    limits = np.array(img_shape[::-1])
    first = np.minimum(first.clip(0), limits - 1)
    last = np.maximum(np.minimum(last, limits), first + 1)
    return tuple(int(corner) for corner in (*first, *last))


def _start(step: GetBBoxCenterScale, sample: dict) -> WindowReach:
    box = step.transform(dict(sample))["bbox_xyxy_wrt_input"].astype(np.float64)
    center = (box[:, :2] + box[:, 2:]) / 2
    return WindowReach(center, center, box[:, 2:] - box[:, :2])


def _with_halves(reach: WindowReach, step: RandomHalfBody, sample: dict) -> WindowReach:
    """The halves of the body beside the whole.

    Where the window moved before, a half is anywhere in it.
    """
    if len(reach.low) > 1 or (reach.low != reach.high).any():
        low, high = reach.low - reach.size / 2, reach.high + reach.size / 2
        return replace(reach, low=low, high=high)
    half = reach.size / 2
    whole = np.concatenate([reach.low - half, reach.low + half], 1).astype(np.float32)
    boxes = [whole, *step.possible_halves(sample, whole)]
    boxes = np.concatenate(boxes).astype(np.float64)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    return replace(reach, low=centers, high=centers, size=boxes[:, 2:] - boxes[:, :2])


def _moved(reach: WindowReach, step: RandomBBoxTransform) -> WindowReach:
    shift = abs(step.shift_factor) * reach.size * (step.shift_prob > 0)
    largest = max(step.scale_factor[1], 1.0) if step.scale_prob < 1 else step.scale_factor[1]
    scale = largest if step.scale_prob > 0 else 1.0
    return WindowReach(
        reach.low - shift,
        reach.high + shift,
        reach.size * scale,
        reach.rotation + abs(step.rotate_factor) * (step.rotate_prob > 0),
    )


def _turned_extents(sides: np.ndarray, rotation: float) -> np.ndarray:
    """How far windows (M, 2) reach from their centres when turned by any angle up to one.

    A half diagonal reaches furthest along an axis where it lies on it.
    """
    half = sides / 2
    angles = np.radians(min(rotation, 90.0))
    diagonal = np.arctan2(half[:, 1], half[:, 0])  # of the window, against the x axis
    at_x, at_y = np.minimum(diagonal, angles), np.minimum(math.pi / 2 - diagonal, angles)
    across = half[:, 0] * np.cos(at_x) + half[:, 1] * np.sin(at_x)
    down = half[:, 1] * np.cos(at_y) + half[:, 0] * np.sin(at_y)
    return np.stack([across, down], 1)


def check_views(steps: Sequence[Any]) -> None:
    """Refuse a step that needs all pixels of an image of which `LoadImage` gives a view.

    Likewise one that needs the crop that ``TopdownAffine(on_device=True)`` does not cut.

    Raises:
        ValueError: see `window_steps`.
    """
    if any(isinstance(step, LoadImage) and step.gives_views for step in steps):
        window_steps(steps)
    for number, step in enumerate(steps):
        if type(step) is TopdownAffine and step.on_device:
            strangers = [s for s in steps[number + 1 :] if type(s) not in _ON_DEVICE]
            if strangers:
                raise ValueError(
                    f"{type(strangers[0]).__name__} needs the crop, which "
                    "TopdownAffine(on_device=True) leaves to the device: leave on_device out"
                )
