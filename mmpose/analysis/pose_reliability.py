"""Reliability of what results say of poses: presence, visibility, expected similarity."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mmpose.structures import bbox_xywh2xyxy, fix_bbox_aspect_ratio
from mmpose.structures.keypoint import joint_similarity

from .partners import Partners
from .reliability import Reliability, is_probability, reliability

Array = np.ndarray

HIDDEN, SEEN = 1, 2  # flags of annotated joints; 3 is outside, 0 is not labelled
SIMILARITY_NAMES = {"keypoints": "OKS", "bbox": "IoU", "segm": "IoU"}


def score_reliability(partners: Partners, iou_type: str) -> tuple[list[Reliability], list[str]]:
    """The curve of the ranking score as the expected similarity.

    Args:
        partners: of all results.
        iou_type: of their evaluation.

    Returns:
        The curve, with 0 reached where a result has nobody; and why there is none.
    """
    counts = partners.counts
    scores = np.array([one["score"] for one in partners.results], np.float64)[counts]
    similarity = SIMILARITY_NAMES[iou_type]
    truth = f"{similarity} reached with the person it is matched with, 0 without"
    return _curves(
        [(f"score as expected {similarity}", truth, scores, partners.similarity[counts])]
    )


def joint_reliability(
    partners: Partners, sigmas: Sequence[float]
) -> tuple[list[Reliability], list[str]]:
    """Curves of the joints of all results that have a person (OKS of at least 0.1).

    Results may carry ``presence``, ``visibility`` and ``oks``, K numbers each; without ``oks`` the
    third numbers of the keypoints are taken for the expected similarity.

    Args:
        partners: of poses.
        sigmas: per-joint constants, (K,).

    Returns:
        The curves that can be drawn; and why others cannot.

    Raises:
        ValueError: a field has another number of joints.
    """
    results, people = _matched(partners)
    joints, truth = (_triples(records, len(sigmas)) for records in (results, people))
    flags = truth[..., 2]
    is_inside = (flags == HIDDEN) | (flags == SEEN)
    is_in_window = is_inside & _lies_in(truth[..., :2], _windows(results, people))
    reached = _reached(partners, sigmas)
    expected = _field(results, "oks", len(sigmas))
    told = "third number of a joint" if expected is None else "oks"
    tried = [
        (
            "presence",
            "labelled inside the crop, of all labelled or annotated as outside",
            _field(results, "presence", len(sigmas)),
            is_in_window,
            flags > 0,
        ),
        (
            "visibility",
            "annotated as seen, of those seen or hidden",
            _field(results, "visibility", len(sigmas)),
            flags == SEEN,
            is_inside,
        ),
        (
            "expected similarity of a joint",
            f"similarity reached by the labelled joint; predicted: {told}",
            joints[..., 2] if expected is None else expected,
            reached,
            is_inside,
        ),
    ]
    return _curves(
        (name, truth, None if values is None else values[counts], outcomes[counts])
        for name, truth, values, outcomes, counts in tried
    )


def joint_rows(
    partners: Partners, sigmas: Sequence[float], names: Sequence[str]
) -> list[dict[str, Any]]:
    """What each joint reaches, over the same people.

    Args:
        partners: of poses.
        sigmas: per-joint constants, (K,).
        names: of the joints, K.

    Returns:
        For each joint: ``joint``, ``labelled`` (how many), ``similarity`` (mean) and
        ``confidence`` (mean third number of the keypoints); None where none is labelled.
    """
    results, people = _matched(partners)
    joints, truth = (_triples(records, len(sigmas)) for records in (results, people))
    labelled = (truth[..., 2] == HIDDEN) | (truth[..., 2] == SEEN)
    reached = _reached(partners, sigmas)
    rows = []
    for k, name in enumerate(names):
        held = labelled[:, k]
        means = [
            float(v[held, k].mean()) if held.any() else None for v in (reached, joints[..., 2])
        ]
        rows.append(
            {
                "joint": name,
                "labelled": int(held.sum()),
                "similarity": means[0],
                "confidence": means[1],
            }
        )
    return rows


def _matched(partners: Partners) -> tuple[list[dict], list[dict]]:
    """The P results that have a person who counts, and these people."""
    matched = np.flatnonzero(partners.counts & (partners.person >= 0))
    people = [partners.people[j] for j in partners.person[matched]]
    return [partners.results[i] for i in matched], people


def _reached(partners: Partners, sigmas: Sequence[float]) -> Array:
    """Similarity of the joints of the matched results, (P, K)."""
    joints, truth = (_triples(records, len(sigmas)) for records in _matched(partners))
    d2 = np.square(joints[..., :2] - truth[..., :2]).sum(-1)  # (P, K)
    matched = np.flatnonzero(partners.counts & (partners.person >= 0))
    areas = partners.areas[partners.person[matched]][:, None]
    return joint_similarity(d2, areas, np.asarray(sigmas, np.float64))


def _curves(
    tried: Sequence[tuple] | Iterator[tuple],
) -> tuple[list[Reliability], list[str]]:
    """Curves of (name, truth, confidences or None, outcomes), and why others are none."""
    curves, reasons = [], []
    for name, truth, confidences, outcomes in tried:
        if confidences is None:
            reasons.append(f"{name}: not every result has it")
        elif not is_probability(confidences):
            low, high = confidences.min(), confidences.max()
            reasons.append(f"{name}: no probability, values from {low:.3g} to {high:.3g}")
        else:
            curves.append(reliability(confidences, outcomes, name=name, truth=truth))
    return curves, reasons


def _triples(records: Sequence[dict], num_joints: int) -> Array:
    """Keypoints of records, (P, K, 3)."""
    return np.array([one["keypoints"] for one in records], np.float64).reshape(-1, num_joints, 3)


def _field(results: Sequence[dict], name: str, num_joints: int) -> Array | None:
    """A field of joints, (P, K); None where a result lacks it."""
    if any(result.get(name) is None for result in results):
        return None
    for result in results:
        if np.shape(result[name]) != (num_joints,):
            raise ValueError(
                f"{name} of a result of image {result['image_id']!r} must be {num_joints} numbers, "
                f"one a joint, got shape {np.shape(result[name])}"
            )
    return np.array([result[name] for result in results], np.float64).reshape(-1, num_joints)


def _windows(results: Sequence[dict], people: Sequence[dict]) -> Array:
    """The crops of results, (P, 4) xyxy, from their boxes or else those of the people."""
    boxes = [
        person["bbox"] if result.get("bbox") is None else result["bbox"]
        for result, person in zip(results, people, strict=True)
    ]
    return fix_bbox_aspect_ratio(
        bbox_xywh2xyxy(np.array(boxes, np.float64).reshape(-1, 4)), bbox_format="xyxy"
    )


def _lies_in(points: Array, windows: Array) -> Array:
    """Which points (P, K, 2) lie in the windows (P, 4) xyxy, (P, K) bool."""
    low, high = windows[:, None, :2], windows[:, None, 2:]
    return ((points >= low) & (points <= high)).all(-1)
