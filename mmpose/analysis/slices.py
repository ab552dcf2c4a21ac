"""AP of some people only: by overlap, by hidden joints, and of each joint alone.

As in COCO's AP of sizes, people outside a slice count neither as found nor as missed. A pose of
nobody counts in the slice of the person it is most similar to (OKS of 0.1 or more), and in every
slice where it is like nobody.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from mmpose.evaluation.matches import Matches, average_precision, bootstrap, interval
from mmpose.evaluation.similarity import Found, similar_pairs

from .partners import Partners
from .precision import PoseArrays, pose_arrays, pose_matches

Array = np.ndarray

OVERLAPS = (0.0, 0.1, 0.3, 0.5, 1.0)
"""Ends of the bins of MaxIoU, the highest IoU of a person's box with another one's."""
HIDDEN_SHARES = (0.0, 0.25, 0.5, 1.0)
NUM_DRAWS = 100
"""Fewer than of the main AP: there are many slices, and their intervals are wide."""


def slice_tables(
    partners: Partners, sigmas: Sequence[float], names: Sequence[str], num_draws: int = NUM_DRAWS
) -> dict[str, list[dict[str, Any]]]:
    """Tables of AP by slice, each row with its 95 % interval.

    Args:
        partners: who was paired with whom.
        sigmas: per-joint constants, (K,).
        names: of the joints, (K,).
        num_draws: of images, for the intervals.

    Returns:
        Tables by title; rows of ``slice``, ``people``, ``AP``, ``AP low`` and ``AP high``; AP is
        None where nobody is in the slice.
    """
    arrays = pose_arrays(partners, sigmas)
    nearest = _nearest(partners)
    overlap = max_iou(arrays)
    hidden = hidden_share(arrays)
    tables = {}
    for title, values, ends in (
        ("overlap (MaxIoU)", overlap, OVERLAPS),
        ("share of hidden joints", hidden, HIDDEN_SHARES),
    ):
        rows = []
        for place, inside in _bins(values, ends):
            rows.append({"slice": place} | _row(arrays, inside, nearest, num_draws))
        tables[title] = rows
    tables["joint alone"] = [
        {"slice": name} | _joint_row(arrays, k, num_draws) for k, name in enumerate(names)
    ]
    return tables


def max_iou(arrays: PoseArrays) -> Array:
    """The highest IoU of each person's box with that of another one of the image, (M,)."""
    people = arrays.people
    boxes = people.bboxes
    # a person is compared as if found: similarity of boxes, pairs of one image
    found = Found(people.groups, np.zeros(len(boxes)), np.zeros(len(boxes)), people.areas, boxes)
    nobody = np.zeros(len(boxes), bool)
    pairs = similar_pairs(found, replace(people, shapes=boxes, is_crowd=nobody), None, 0.0)
    highest = np.zeros(len(boxes))
    # crowd regions overlap everybody in them
    is_other = (pairs.found != pairs.annotated) & ~people.is_crowd[pairs.annotated]
    np.maximum.at(highest, pairs.found[is_other], pairs.similarity[is_other])
    return highest


def hidden_share(arrays: PoseArrays) -> Array:
    """The share of each person's labelled joints that are not seen (v = 1), (M,)."""
    flags = arrays.people.shapes[..., 2]
    return (flags == 1).sum(1) / np.maximum((flags > 0).sum(1), 1)


def _nearest(partners: Partners) -> Array:
    """The person each pose is most similar to (from 0.1 on), (D,); -1: like nobody."""
    pairs = partners.pairs
    nearest = np.full(len(partners.results), -1)
    order = np.argsort(pairs.similarity, kind="stable")
    nearest[pairs.found[order]] = pairs.annotated[order]  # the most similar is written last
    return nearest


def _bins(values: Array, ends: Sequence[float]) -> list[tuple[str, Array]]:
    """Names and members of bins; the first is 0 alone, the last includes its end."""
    bins = [("0", values == 0)]
    for low, high in pairwise(ends):
        is_last = high == ends[-1]
        above = values > low if low == 0 else values >= low
        below = values <= high if is_last else values < high
        name = f"{'over ' if low == 0 else ''}{low:g} to {'' if is_last else 'below '}{high:g}"
        bins.append((name, above & below))
    return bins


def _row(arrays: PoseArrays, inside: Array, nearest: Array, num_draws: int) -> dict[str, Any]:
    is_ignored = arrays.people.is_ignored | ~inside
    is_excused = (nearest >= 0) & ~inside[nearest] if len(inside) else nearest >= 0
    matches = pose_matches(arrays, is_ignored=is_ignored, is_excused=is_excused)
    return _numbers(matches, int((~is_ignored).sum()), num_draws)


def _joint_row(arrays: PoseArrays, joint: int, num_draws: int) -> dict[str, Any]:
    alone = arrays.joints([joint])
    return _numbers(pose_matches(alone), int((~alone.people.is_ignored).sum()), num_draws)


def _numbers(matches: Matches, num_people: int, num_draws: int) -> dict[str, Any]:
    if not num_people:
        return {"people": 0, "AP": None, "AP low": None, "AP high": None}
    low, high = interval(bootstrap(matches, num_draws))
    return {
        "people": num_people,
        "AP": average_precision(matches),
        "AP low": low,
        "AP high": high,
    }
