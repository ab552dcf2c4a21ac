"""Which annotated person each result is of, and how similar it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmpose.evaluation.coco_columns import annotated_columns, found_columns
from mmpose.evaluation.coco_evaluator import RESULT_FIELDS, prepare
from mmpose.evaluation.coco_numbers import MOST_POSES, MOST_REGIONS
from mmpose.evaluation.similarity import Pairs, similar_pairs

Array = np.ndarray

RIGHT_FROM = 0.5
POOR_FROM = 0.1
"""Similarity from which on a result is of a person at all (Ronchi & Perona, ICCV 2017)."""


@dataclass(frozen=True)
class Partners:
    """D results and the M annotated people of the same images.

    Attributes:
        results: completed, those that the evaluation reads, by image and best first.
        people: completed annotations, by image.
        images: id -> index, in the order of COCO's evaluation.
        person: whom each result is of, an index into ``people``, (D,); -1: nobody.
        similarity: OKS or IoU with that person, (D,); 0: nobody.
        is_ignored: people who do not count (crowds, poses without joints), (M,) bool.
        areas: of the people, px², (M,).
        pairs: results and people with a similarity of 0.1 or more.
    """

    results: list[dict]
    people: list[dict]
    images: dict[Any, int]
    person: Array
    similarity: Array
    is_ignored: Array
    areas: Array
    pairs: Pairs

    @property
    def counts(self) -> Array:
        """Whether a result is right or wrong, not passed over, (D,) bool."""
        return (self.person < 0) | ~self.is_ignored[self.person]

    @property
    def is_right(self) -> Array:
        """Whether a result has somebody who counts, at a similarity of 0.5, (D,) bool."""
        return self.counts & (self.similarity >= RIGHT_FROM)


def find_partners(
    content: dict,
    results: Sequence[dict],
    iou_type: str,
    *,
    sigmas: Sequence[float] | None = None,
    use_area: bool = True,
) -> Partners:
    """Match results with people as COCO does at 0.5; who is left then, from 0.1 on.

    Args:
        content: ground truth of one category.
        results: COCO results; may be empty.
        iou_type: ``bbox``, ``segm`` or ``keypoints``.
        sigmas: per-joint constants, (K,), for keypoints.
        use_area: whether annotated areas count; else 0.53 of the box.
    """
    num_joints = 0 if sigmas is None else len(sigmas)
    prepared = prepare(content, results, iou_type, num_joints=num_joints)
    places = (RESULT_FIELDS[iou_type], prepared.images, prepared.categories)
    most = MOST_POSES if iou_type == "keypoints" else MOST_REGIONS[-1]
    people = sorted(prepared.people, key=lambda one: prepared.images[one["image_id"]])
    kept = _best(prepared.results, prepared.images, most)
    found = found_columns(kept, *places, most)
    annotated = annotated_columns(people, *places, use_area=use_area)
    is_of_poses = iou_type == "keypoints"
    pairs = similar_pairs(
        found, annotated, np.asarray(sigmas, np.float64) if is_of_poses else None, POOR_FROM
    )
    person, similarity = _match(pairs, found.ranks, annotated.is_ignored, annotated.is_crowd)
    return Partners(
        *(kept, people, prepared.images, person, similarity),
        *(annotated.is_ignored, annotated.areas, pairs),
    )


def _best(results: Sequence[dict], images: dict[Any, int], most: int) -> list[dict]:
    """The best ``most`` of each image, in the order in which columns have them."""
    ordered = sorted(results, key=lambda one: (images[one["image_id"]], -one["score"]))
    kept, counts = [], {}
    for result in ordered:
        counts[result["image_id"]] = counts.get(result["image_id"], 0) + 1
        if counts[result["image_id"]] <= most:
            kept.append(result)
    return kept


def _match(pairs: Pairs, ranks: Array, is_ignored: Array, is_crowd: Array) -> tuple[Array, Array]:
    """Person (D,) and similarity (D,) of each result: the best first, people who count first."""
    is_poor = pairs.similarity < RIGHT_FROM
    order = np.lexsort(
        (
            -pairs.annotated,
            -pairs.similarity,
            is_ignored[pairs.annotated],
            pairs.found,
            ranks[pairs.found],
            is_poor,
        )
    )
    person, similarity = np.full(len(ranks), -1), np.zeros(len(ranks))
    is_free = np.ones(len(is_crowd), bool)
    listed = (pairs.found, pairs.annotated, pairs.similarity, is_poor & is_ignored[pairs.annotated])
    for i, j, value, is_beside in zip(*(part[order].tolist() for part in listed), strict=True):
        # a crowd or an ignored person excuses from 0.5 on alone, as in COCO's evaluation
        if person[i] < 0 and is_free[j] and not is_beside:
            # equal boxes can have an IoU of 1 and a rounding
            person[i], similarity[i], is_free[j] = j, min(value, 1.0), is_crowd[j]
    return person, similarity
