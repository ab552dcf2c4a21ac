"""Keypoints: flips, the way back from crop to image, and the constants of the joint lists."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .bbox import Array, array_namespace
from .sigmas import COCO_SIGMAS, SIGMAS_BY_NUM_KEYPOINTS, sigmas_of  # noqa: F401 - known from here
from .transfer import small_tensor

_EPS = 2.0**-52  # an area of 0 must not give nan


def joint_similarity(d2: Array, areas: Array, sigmas: Array) -> Array:
    """How similar joints are, the term of OKS (COCO): exp(-d² / (2 s² k²)).

    Args:
        d2: squared distances, px², (..., K).
        areas: s², of the people, px²; broadcast, as (..., 1) for one of each person.
        sigmas: (K,) per-joint constants as published; k is twice that.

    Returns:
        (..., K) in [0, 1].
    """
    xp = array_namespace(d2)
    return xp.exp(-d2 / (2 * xp.square(2 * sigmas) * (areas + _EPS)))


def keypoint_sigmas(
    num_keypoints: int, sigmas: Sequence[float] | None = None, *, like: Tensor | None = None
) -> Tensor:
    """Per-joint constants of the similarity, (K,), as published (not doubled).

    Args:
        num_keypoints: K.
        sigmas: the data set's own; None takes those of the joint list of that length.
        like: dtype and device of the answer.

    Raises:
        ValueError: no list of that length is known, or ``sigmas`` has another length.
    """
    sigmas = sigmas_of(num_keypoints, sigmas)
    like = torch.zeros(()) if like is None else like
    return small_tensor(sigmas, dtype=like.dtype, device=like.device)


def mirror_keypoints(keypoints: Array, flip_indices: Sequence[int], image_width: int) -> Array:
    """Keypoints (..., K, 2) in the image mirrored left to right.

    Args:
        keypoints: x, y pixels of the image (or crop) that is flipped.
        flip_indices: (K,) which joint each becomes, from the data set's metainfo.
        image_width: its width; column x goes to ``image_width - 1 - x``.
    """
    xp = array_namespace(keypoints)
    flipped = keypoints[..., list(flip_indices), :]
    return xp.stack([image_width - 1 - flipped[..., 0], flipped[..., 1]], -1)


def flip_keypoints(
    keypoints: Array,
    keypoints_visible: Array | Sequence[int] | None,
    image_size: tuple[int, int] | int,
    flip_indices: Sequence[int] | None = None,
    direction: str = "horizontal",
) -> tuple[Array, Array | None] | Array:
    """Keypoints and their flags in the mirrored image, under MMPose's name.

    ``flip_keypoints(keypoints, flip_indices, image_width)`` is :func:`mirror_keypoints`.

    Args:
        keypoints: (..., K, 2), pixels.
        keypoints_visible: (..., K) or (..., K, 1), or None.
        image_size: (w, h).
        flip_indices: (K,) which joint each becomes.
        direction: ``"horizontal"``.

    Returns:
        Both, mirrored.

    Raises:
        ValueError: another direction.
    """
    if flip_indices is None:
        return mirror_keypoints(keypoints, keypoints_visible, image_size)
    if direction != "horizontal":
        raise ValueError(
            f"direction must be 'horizontal', got {direction!r}: people are mirrored left to right "
            "only"
        )
    order = list(flip_indices)
    if keypoints_visible is not None:
        of_joint = (
            (..., order, slice(None)) if keypoints_visible.ndim == keypoints.ndim else (..., order)
        )
        keypoints_visible = keypoints_visible[of_joint]
    return mirror_keypoints(keypoints, order, image_size[0]), keypoints_visible


def keypoint_clip_border(
    keypoints: Array, keypoints_visible: Array, shape: tuple[int, int]
) -> tuple[Array, Array]:
    """Flags of 0 for joints outside the image, under MMPose's name.

    Args:
        keypoints: (..., K, 2), pixels; they come back as they are.
        keypoints_visible: (..., K), or (..., K, C) whose first column is the flag.
        shape: (w, h) of the image; joints at exactly w or h are inside.

    Returns:
        The keypoints and a new array of flags.
    """
    width, height = shape[:2]
    x, y = keypoints[..., 0], keypoints[..., 1]
    is_outside = (x < 0) | (x > width) | (y < 0) | (y > height)
    xp = array_namespace(keypoints_visible)
    if keypoints_visible.ndim < keypoints.ndim:
        flags = keypoints_visible
        return keypoints, xp.where(is_outside, xp.zeros_like(flags), flags)
    flags = keypoints_visible[..., 0]
    flags = xp.where(is_outside, xp.zeros_like(flags), flags)
    return keypoints, xp.concatenate([flags[..., None], keypoints_visible[..., 1:]], -1)


def crop_to_image_keypoints(
    crop_keypoints: Array, centers: Array, scales: Array, input_size: tuple[int, int]
) -> Array:
    """Decoded keypoints of crops in the pixels of their images.

    Codecs decode to a crop of ``input_size`` whose far border is at (w, h), not (w - 1, h - 1);
    this is the mapping that fits (spec: the pair is exact).

    Args:
        crop_keypoints: (N, K, 2).
        centers: (N, 2) centres of the windows, image pixels.
        scales: (N, 2) their width and height, image pixels.
        input_size: (w, h) of the crop.
    """
    scales = scales[..., None, :]
    offsets = centers[..., None, :] - 0.5 * scales
    shares = [crop_keypoints[..., i] / input_size[i] for i in range(2)]
    return array_namespace(crop_keypoints).stack(shares, -1) * scales + offsets
