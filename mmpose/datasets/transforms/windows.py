"""Augmentations of the person's window: flip, half body, shift, scale and rotation."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy.special import ndtr, ndtri

from mmpose.datasets.image_views import mirror_image
from mmpose.registry import TRANSFORMS
from mmpose.structures import bbox_cs2xyxy, bbox_xyxy2cs, flip_bbox, flip_keypoints

from .base import Transform, check_shares
from .window_fields import current_box, set_box


@TRANSFORMS.register_module()
class GetBBoxCenterScale(Transform):
    """Start the window from the annotated or detected box.

    A centre and scale that the data set gives (one of MPII's list) are taken instead, and padded.

    Args:
        padding: factor by which the window exceeds the box; None leaves it to
            ``TopdownAffine(input_padding=...)``, and is 1.25 where that names none either.

    Raises:
        ValueError: padding is no positive factor.
    """

    def __init__(self, padding: float | None = None) -> None:
        if padding is not None and padding <= 0:
            raise ValueError(f"padding is a factor above 0, got {padding}")
        self.padding = padding

    def transform(self, results: dict) -> dict:
        """Set ``bbox_center``, ``bbox_scale`` (1, 2) and ``bbox_xyxy_wrt_input`` (1, 4).

        Raises:
            ValueError: a coordinate of the box is no finite number.
        """
        bbox = results["bbox"]
        if not np.isfinite(bbox).all():
            raise ValueError(
                f"the box of person {results.get('id')} in {results.get('img_path')} is "
                f"{bbox.tolist()}; boxes are xyxy, finite pixels: fix or drop it in the file"
            )
        if "bbox_center" in results and "bbox_scale" in results:
            bbox = bbox_cs2xyxy(results["bbox_center"], results["bbox_scale"])
        results["window_padding"] = self.padding
        set_box(results, bbox.copy())
        return results


@TRANSFORMS.register_module()
class RandomFlip(Transform):
    """Mirror image, mask, box and joints left to right.

    Args:
        prob: how often; or a list of this one number.
        direction: only ``"horizontal"``, or a list of it: people are not upside down.

    Raises:
        ValueError: a setting is out of its range.
    """

    def __init__(
        self,
        prob: float | Sequence[float] = 0.5,
        direction: str | Sequence[str] = "horizontal",
    ) -> None:
        directions = [direction] if isinstance(direction, str) else list(direction)
        probs = list(prob) if isinstance(prob, Sequence) else [prob]
        if directions != ["horizontal"] or len(probs) != 1:
            raise ValueError(
                "direction must be 'horizontal' with one prob, people are not upside down; got "
                f"{direction!r} with prob={prob}"
            )
        check_shares(prob=probs[0])
        self.prob = probs[0]

    def transform(self, results: dict) -> dict:
        """Set ``flip`` and ``flip_direction``; the image is a mirrored view, not a copy.

        Raises:
            ValueError: the crop is cut already: its joints would stay behind.
        """
        if "input_size" in results:
            raise ValueError("RandomFlip stands behind TopdownAffine; put it before")
        results["flip"] = bool(np.random.random() < self.prob)
        results["flip_direction"] = "horizontal" if results["flip"] else None
        if results["flip"]:
            self._mirror(results)
        return results

    def _mirror(self, results: dict) -> None:
        width = results["img"].shape[1]
        results["img"] = mirror_image(results["img"])
        if results.get("mask") is not None:
            results["mask"] = results["mask"].mirrored(width)
        if "bbox" in results:
            results["bbox"] = flip_bbox(results["bbox"], width)
        if "bbox_xyxy_wrt_input" in results:
            set_box(results, flip_bbox(current_box(results), width))
        elif "bbox_center" in results:
            results["bbox_center"] = np.float32((width - 1, 0)) + results["bbox_center"] * (
                np.float32((-1, 1))
            )
        order = results.get("flip_indices")
        if "keypoints" in results:
            results["keypoints"] = flip_keypoints(results["keypoints"], order, width)
        for key in ("keypoints_visible", "keypoints_visibility"):
            if key in results:
                results[key] = results[key][:, order]


def choose_half(
    visible: np.ndarray,
    upper_ids: list[int],
    lower_ids: list[int],
    *,
    min_upper: int,
    min_lower: int,
    prefers_upper: bool,
) -> list[int] | None:
    """Choose the upper or the lower body of a person.

    Args:
        visible: (K,), > 0 where annotated.
        upper_ids: joints of the upper body; ``lower_ids`` of the lower.
        min_upper: fewer annotated upper joints make it unusable; ``min_lower`` likewise.
        prefers_upper: which half when both can be used.

    Returns:
        Annotated joints of the chosen half, or None when neither has enough.
    """
    upper = [i for i in upper_ids if visible[i] > 0]
    lower = [i for i in lower_ids if visible[i] > 0]
    if len(upper) < min_upper and len(lower) < min_lower:
        return None
    if len(lower) < min_lower:
        return upper
    if len(upper) < min_upper:
        return lower
    return upper if prefers_upper else lower


def _annotated(results: dict) -> np.ndarray:
    """Which joints are annotated, (K,); they are (1, K), or (1, K, 2) when converted."""
    visible = results["keypoints_visible"][0]
    return visible[:, 0] if visible.ndim == 2 else visible


@TRANSFORMS.register_module()
class RandomHalfBody(Transform):
    """Show only the upper or the lower body.

    Args:
        min_total_keypoints: people with fewer annotated joints are left whole.
        min_upper_keypoints: what an upper body must have at least.
        min_lower_keypoints: what a lower body must have at least.
        padding: of the box round the chosen joints.
        prob: how often.
        upper_prioritized_prob: how often the upper half is taken where both can be.

    Raises:
        ValueError: a setting is out of its range.
    """

    needs: ClassVar[dict[str, str]] = {"bbox_xyxy_wrt_input": "GetBBoxCenterScale"}

    def __init__(
        self,
        min_total_keypoints: int = 9,
        min_upper_keypoints: int = 2,
        min_lower_keypoints: int = 3,
        padding: float = 1.5,
        prob: float = 0.3,
        upper_prioritized_prob: float = 0.7,
    ) -> None:
        check_shares(prob=prob, upper_prioritized_prob=upper_prioritized_prob)
        self.min_total_keypoints = min_total_keypoints
        self.min_upper_keypoints = min_upper_keypoints
        self.min_lower_keypoints = min_lower_keypoints
        self.padding = padding
        self.prob = prob
        self.upper_prioritized_prob = upper_prioritized_prob

    def transform(self, results: dict) -> dict:
        """Shrink ``bbox_xyxy_wrt_input`` to the half, inside what it was."""
        visible = _annotated(results)
        if visible.sum() < self.min_total_keypoints or np.random.random() > self.prob:
            return results
        prefers_upper = np.random.random() < self.upper_prioritized_prob
        box = self._half_box(results, visible, current_box(results), prefers_upper=prefers_upper)
        if box is not None:
            set_box(results, box)
        return results

    def possible_halves(self, results: dict, whole: np.ndarray) -> list[np.ndarray]:
        """The boxes (1, 4) that a draw may make of a person's box ``whole`` (1, 4)."""
        visible = _annotated(results)
        if not self.prob or visible.sum() < self.min_total_keypoints:
            return []
        halves = [self._half_box(results, visible, whole, prefers_upper=u) for u in (True, False)]
        return [half for half in halves if half is not None]

    def _half_box(
        self, results: dict, visible: np.ndarray, whole: np.ndarray, *, prefers_upper: bool
    ) -> np.ndarray | None:
        half = choose_half(
            visible,
            results["upper_body_ids"],
            results["lower_body_ids"],
            min_upper=self.min_upper_keypoints,
            min_lower=self.min_lower_keypoints,
            prefers_upper=prefers_upper,
        )
        if half is None:
            return None
        joints = results["keypoints"][0, half]  # (J, 2)
        extent = (joints.max(0) - joints.min(0)) * self.padding
        box = bbox_cs2xyxy(joints.mean(0, keepdims=True), extent[None])
        box[:, :2] = np.maximum(box[:, :2], whole[:, :2])
        box[:, 2:] = np.minimum(box[:, 2:], whole[:, 2:])
        # joints outside their own box leave nothing
        return box.astype(np.float32) if (box[:, 2:] > box[:, :2]).all() else None


@TRANSFORMS.register_module()
class RandomBBoxTransform(Transform):
    """Shift, scale and rotate the window by normal draws truncated at one sigma.

    Args:
        shift_factor: largest shift, as a share of the box (not of the padded window).
        shift_prob: how often it is shifted.
        scale_factor: smallest and largest scale.
        scale_prob: how often it is scaled.
        rotate_factor: largest rotation, degrees.
        rotate_prob: how often it is rotated.

    Raises:
        ValueError: a setting is out of its range.
    """

    needs: ClassVar[dict[str, str]] = {"bbox_xyxy_wrt_input": "GetBBoxCenterScale"}

    def __init__(
        self,
        shift_factor: float = 0.16,
        shift_prob: float = 0.3,
        scale_factor: tuple[float, float] = (0.5, 1.5),
        scale_prob: float = 1.0,
        rotate_factor: float = 80.0,
        rotate_prob: float = 0.6,
    ) -> None:
        check_shares(shift_prob=shift_prob, scale_prob=scale_prob, rotate_prob=rotate_prob)
        low, high = scale_factor
        if not 0 < low <= high:
            raise ValueError(f"scale_factor is (smallest, largest), above 0, got {scale_factor}")
        self.shift_factor = shift_factor
        self.shift_prob = shift_prob
        self.scale_factor = scale_factor
        self.scale_prob = scale_prob
        self.rotate_factor = rotate_factor
        self.rotate_prob = rotate_prob

    def transform(self, results: dict) -> dict:
        """Change ``bbox_xyxy_wrt_input`` and set ``bbox_rotation`` (1,)."""
        normal = ndtri(np.random.uniform(ndtr(-1.0), ndtr(1.0), 4))  # within [-1, 1]
        does_shift, does_scale, does_rotate = np.random.random(3) < (
            self.shift_prob,
            self.scale_prob,
            self.rotate_prob,
        )
        low, high = self.scale_factor
        center, size = bbox_xyxy2cs(current_box(results))
        center = center + does_shift * normal[:2] * self.shift_factor * size
        factor = normal[2] * (high - low) / 2 + (high + low) / 2
        size = size * (factor if does_scale else 1.0)
        set_box(results, bbox_cs2xyxy(center, size).astype(np.float32))
        rotation = does_rotate * normal[3] * self.rotate_factor
        results["bbox_rotation"] = np.array([rotation], dtype=np.float32)
        return results
