"""How similar what was found is to who is annotated: only pairs that could ever match are kept.

Of the pairs of a crowded image few reach the lowest threshold of 0.5. All that follows works on
these, image after image without a loop over images.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

Array = np.ndarray

LOWEST = 0.5
"""Similarity below which no threshold takes a pair."""
_PAIRS_AT_ONCE = 20_000  # of 17 joints: 3 MB an array, which stays in the cache


@dataclass(frozen=True)
class Found:
    """D detections, sorted by group (an image and a category), best first within one.

    Attributes:
        groups: (D,) int64.
        ranks: place within the group, from 0, (D,).
        scores: (D,) float64.
        areas: (D,), px².
        shapes: boxes xywh (D, 4), keypoints (D, K, 3), or a list of D RLEs.
    """

    groups: Array
    ranks: Array
    scores: Array
    areas: Array
    shapes: Array | list[dict]


@dataclass(frozen=True)
class Annotated:
    """M annotated people, sorted by group.

    Attributes:
        groups: (M,) int64.
        areas: (M,), px².
        is_crowd: (M,) bool; crowds match any number of detections.
        is_ignored: (M,) bool; whoever matches them counts neither as right nor as wrong.
        shapes: as in `Found`.
        bboxes: (M, 4) xywh.
    """

    groups: Array
    areas: Array
    is_crowd: Array
    is_ignored: Array
    shapes: Array | list[dict]
    bboxes: Array


@dataclass(frozen=True)
class Pairs:
    """P pairs of a detection and a person of one group.

    Attributes:
        found: index of the detection, (P,).
        annotated: index of the person, (P,).
        similarity: (P,), at least the lowest threshold.
    """

    found: Array
    annotated: Array
    similarity: Array


def similar_pairs(
    found: Found, annotated: Annotated, sigmas: Array | None = None, lowest: float = LOWEST
) -> Pairs:
    """The pairs that reach the lowest threshold, by IoU of boxes or masks or by OKS.

    Args:
        found: what was found.
        annotated: who is there.
        sigmas: per-joint constants, (K,); they say that shapes are keypoints.
        lowest: similarity from which on a pair is kept.
    """
    if isinstance(found.shapes, list):
        parts = list(_mask_pairs(found, annotated, lowest))
    else:
        parts = []
        for i, j in _all_pairs(found.groups, annotated.groups):
            if sigmas is None:
                values = _box_iou(found.shapes[i], annotated.shapes[j], annotated.is_crowd[j])
            else:
                values = _oks(found.shapes[i], annotated, j, sigmas)
            is_near = values >= lowest
            parts.append((i[is_near], j[is_near], values[is_near]))
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    return Pairs(*(np.concatenate(column) for column in zip(nothing, *parts, strict=True)))


def _all_pairs(found: Array, annotated: Array) -> Iterator[tuple[Array, Array]]:
    """Indices of all pairs of one group, in portions."""
    first = np.searchsorted(annotated, found)
    counts = np.searchsorted(annotated, found, side="right") - first  # people of each detection
    ends = np.cumsum(counts)
    start = 0
    while start < len(found):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, side="right")), start + 1)
        some = counts[start:stop]
        i = np.repeat(np.arange(start, stop), some)
        offsets = np.arange(some.sum()) - np.repeat(np.cumsum(some) - some, some)
        yield i, first[i] + offsets
        start = stop


def _mask_pairs(
    found: Found, annotated: Annotated, lowest: float
) -> Iterator[tuple[Array, Array, Array]]:
    groups, first = np.unique(found.groups, return_index=True)
    ends = np.append(first, len(found.groups))[1:].tolist()
    starts = np.searchsorted(annotated.groups, groups).tolist()
    stops = np.searchsorted(annotated.groups, groups, side="right").tolist()
    crowds = annotated.is_crowd.astype(np.uint8).tolist()
    for a, b, lo, hi in zip(first.tolist(), ends, starts, stops, strict=True):
        if lo == hi:
            continue
        values = coco_mask.iou(found.shapes[a:b], annotated.shapes[lo:hi], crowds[lo:hi])
        i, j = np.nonzero(values >= lowest)
        yield i + a, j + lo, values[i, j]


def _box_iou(found: Array, annotated: Array, is_crowd: Array) -> Array:
    """IoU (P,) of boxes xywh; with a crowd the share of the found box that lies in it."""
    ends = np.minimum(found[:, :2] + found[:, 2:], annotated[:, :2] + annotated[:, 2:])
    sides = np.maximum(ends - np.maximum(found[:, :2], annotated[:, :2]), 0)
    common = sides[:, 0] * sides[:, 1]
    areas = found[:, 2] * found[:, 3]
    union = np.where(is_crowd, areas, areas + annotated[:, 2] * annotated[:, 3] - common)
    return np.divide(common, union, out=np.zeros_like(common), where=common > 0)


def _oks(found: Array, annotated: Annotated, j: Array, sigmas: Array) -> Array:
    """Object keypoint similarity (P,) of poses (P, K, 3) with the people ``j``.

    Whoever has no labelled joint is compared by how far joints lie outside the doubled box.
    """
    truth = annotated.shapes[j]
    is_labelled = truth[..., 2] > 0  # (P, K)
    d2 = np.square(found[..., :2] - truth[..., :2]).sum(-1)
    counts = is_labelled.sum(1)
    lacking = np.flatnonzero(counts == 0)
    if lacking.size:
        corner, sides = np.split(annotated.bboxes[j[lacking]][:, None], 2, axis=-1)
        points = found[lacking, :, :2]
        beyond = np.maximum(corner - sides - points, 0) + np.maximum(
            points - (corner + 2 * sides), 0
        )
        d2[lacking] = np.square(beyond).sum(-1)
        is_labelled[lacking] = True
        counts[lacking] = len(sigmas)
    # divided in COCO's order, so that the last digits are the same
    d2 /= np.square(2 * sigmas)
    d2 /= (annotated.areas[j] + np.spacing(1))[:, None]
    similarity = np.exp(d2 / -2, where=is_labelled, out=np.zeros_like(d2))
    return similarity.sum(1) / counts
