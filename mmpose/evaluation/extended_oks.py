"""Similarity that also judges whether a joint is there (Ex-OKS of ProbPose, arXiv:2412.02254).

Joints may lie outside the person's window: there a model should say "absent" instead of guessing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmpose.structures import find_min_padding_exact, fix_bbox_aspect_ratio
from mmpose.structures.keypoint import joint_similarity

from .extended_rules import ExtendedRules

Array = np.ndarray

BORDER_SHARE = 0.05  # of a box's side: joints nearer to its edge lie on the border


@dataclass(frozen=True)
class People:
    """Annotated people of one image.

    Attributes:
        keypoints: (M, K, 2), image pixels.
        visible: (M, K): 0 not labelled, 1 occluded, 2 seen, 3 outside the window.
        bboxes: (M, 4) xyxy.
        areas: (M,), px².
        paddings: (M, K), at which the window comes to hold each joint, as annotated in
            ``pad_to_contain`` (CropCOCO); nan where it is to be worked out.
    """

    keypoints: Array
    visible: Array
    bboxes: Array
    areas: Array
    paddings: Array


@dataclass(frozen=True)
class Poses:
    """Predicted poses of one image, best first.

    Attributes:
        keypoints: (N, K, 2), image pixels.
        confidences: (N, K), the third value of each joint.
        scores: (N,).
        bboxes: (N, 4) xyxy.
        areas: (N,), px².
    """

    keypoints: Array
    confidences: Array
    scores: Array
    bboxes: Array
    areas: Array


def edit_visibility(people: People, rules: ExtendedRules) -> Array:
    """Levels (M, K) that the rules give annotated joints: 0 to 3, see `People`."""
    visible = people.visible.copy()
    if rules.ignore_border_points:
        visible[is_on_border(people)] = 0
    if not rules.extended:
        return np.where((visible == 1) | (visible == 2), visible, 0)
    padding = find_min_padding_exact(people.bboxes, people.keypoints, visible, bbox_format="xyxy")
    padding = np.where(np.isnan(people.paddings), padding, people.paddings)
    is_outside = (padding > rules.padding) & (visible > 0)
    visible[(visible > 2) & ~is_outside] = 1
    visible[is_outside] = 3
    return visible


def is_on_border(people: People) -> Array:
    """Joints (M, K) within 5 % of the box's sides of one of its edges, bool."""
    first, last = people.bboxes[:, None, :2], people.bboxes[:, None, 2:]
    margins = BORDER_SHARE * (last - first)
    near = np.minimum(abs(people.keypoints - first), abs(people.keypoints - last)) <= margins
    return near.any(-1)


def count_joints(people: People, levels: Sequence[int | None]) -> Array:
    """Which joints of people count at each of L levels, (L, M, K) bool; None: all labelled."""
    levels = [people.visible > 0 if level is None else people.visible == level for level in levels]
    return np.stack(levels)


def extended_oks(
    people: People, poses: Poses, sigmas: Array, rules: ExtendedRules, counted: Array
) -> Array:
    """Similarity of predicted poses with annotated people.

    Args:
        people: M of them.
        poses: N of them.
        sigmas: (K,).
        rules: see `ExtendedRules`.
        counted: which joints of a person count at each level, (L, M, K) bool.

    Returns:
        (L, N, M) in [0, 1]. A person without such joints is compared by how far the joints lie
        outside the window (extended) or the doubled box.
    """
    windows = fix_bbox_aspect_ratio(people.bboxes, 3 / 4, rules.padding, "xyxy")
    d2 = np.square(poses.keypoints[:, None] - people.keypoints).sum(-1)  # (N, M, K)
    if rules.extended:
        d2 = _presence_distances(d2, people, poses, windows, rules.confidence_thr)
        outer = windows
    else:
        sides = people.bboxes[:, 2:] - people.bboxes[:, :2]
        outer = people.bboxes + np.concatenate([-sides, sides], 1)
    beyond = np.maximum(outer[:, None, :2] - poses.keypoints[:, None], 0)
    beyond += np.maximum(poses.keypoints[:, None] - outer[:, None, 2:], 0)
    areas = people.areas[:, None]
    similarity = joint_similarity(d2, areas, sigmas)  # (N, M, K)
    to_box = joint_similarity(np.square(beyond).sum(-1), areas, sigmas).mean(-1)  # (N, M)
    num_counted = counted.sum(-1)[:, None]  # (L, 1, M)
    of_joints = np.einsum("nmk,lmk->lnm", similarity, counted) / np.maximum(num_counted, 1)
    return np.where(num_counted > 0, of_joints, to_box)


def _presence_distances(
    d2: Array, people: People, poses: Poses, windows: Array, confidence_thr: float
) -> Array:
    """Squared distances (N, M, K) where predicted and annotated presence may differ."""
    is_present = (poses.confidences >= confidence_thr)[:, None]  # (N, 1, K)
    is_inside = people.visible < 3  # (M, K)
    to_border = _border_distances(poses.keypoints[:, None], windows)  # (N, M, K)
    d2 = np.where(is_present & ~is_inside, to_border, d2)
    d2 = np.where(~is_present & is_inside, _border_distances(people.keypoints, windows), d2)
    return np.where(~is_present & ~is_inside, 0.0, d2)


def _border_distances(points: Array, windows: Array) -> Array:
    """Published measure of how deep points (..., M, K, 2) lie in windows (M, 4), squared px.

    The nearer vertical and the nearer horizontal edge both count, as if to a corner.
    """
    nearer = np.minimum(points - windows[:, None, :2], windows[:, None, 2:] - points)
    return np.square(nearer).sum(-1)
