"""Average precision of arrays, by which errors and slices are judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmpose.evaluation.coco_numbers import by_category
from mmpose.evaluation.matches import Matches
from mmpose.evaluation.matching import match_greedily
from mmpose.evaluation.similarity import LOWEST, Annotated, Found, Pairs, similar_pairs

from .partners import Partners

Array = np.ndarray


@dataclass(frozen=True)
class PoseArrays:
    """D results and the M annotated people of I images, poses of K joints.

    Attributes:
        image: index of the image of each result, (D,) int64.
        poses: x, y, score, (D, K, 3), image pixels.
        scores: (D,) float64.
        areas: of the results, px², (D,).
        people: the annotated ones; shapes (M, K, 3) x, y, v.
        num_images: I.
        sigmas: per-joint constants, (K,).
        pairs: results and people who could match; None: not worked out yet.
    """

    image: Array
    poses: Array
    scores: Array
    areas: Array
    people: Annotated
    num_images: int
    sigmas: Array
    pairs: Pairs | None = None

    def joints(self, index: Sequence[int]) -> "PoseArrays":
        """The same people with some of their joints; whoever has none labelled is ignored."""
        people = self.people
        shapes = people.shapes[:, index]
        lacks = ~(shapes[..., 2] > 0).any(1)
        people = replace(people, shapes=shapes, is_ignored=people.is_ignored | lacks)
        return PoseArrays(
            self.image,
            self.poses[:, index],
            self.scores,
            self.areas,
            people,
            self.num_images,
            self.sigmas[index],
        )

    def known_pairs(self) -> Pairs:
        """Those who could match, worked out once where they are given."""
        if self.pairs is not None:
            return self.pairs
        return self._pairs_of(np.arange(len(self.image)))

    def moved(self, poses: Array) -> "PoseArrays":
        """With other poses (D, K, 3); only pairs of those that differ are worked out again."""
        differs = (poses != self.poses).any((1, 2))
        old = self.known_pairs()
        moved = replace(self, poses=poses, pairs=None)
        parts = _some(old, ~differs[old.found]), moved._pairs_of(np.flatnonzero(differs))
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return replace(moved, pairs=Pairs(*map(np.concatenate, columns)))

    def _pairs_of(self, rows: Array) -> Pairs:
        ranks = np.zeros(len(rows), np.int64)
        columns = (self.image, self.scores, self.areas, self.poses)
        image, scores, areas, poses = (column[rows] for column in columns)
        pairs = similar_pairs(Found(image, ranks, scores, areas, poses), self.people, self.sigmas)
        return replace(pairs, found=rows[pairs.found])


def pose_arrays(partners: Partners, sigmas: Sequence[float]) -> PoseArrays:
    """Results and people of an evaluation as arrays, in the order of ``partners``."""
    num_joints = len(sigmas)
    poses = np.array([r["keypoints"] for r in partners.results], np.float64)
    truth = np.array([p["keypoints"] for p in partners.people], np.float64)
    image_of = [
        np.array([partners.images[one["image_id"]] for one in records], np.int64)
        for records in (partners.results, partners.people)
    ]
    bboxes = np.array([p["bbox"] for p in partners.people], np.float64).reshape(-1, 4)
    is_crowd = np.array([p["iscrowd"] for p in partners.people], bool)
    people = Annotated(
        image_of[1],
        partners.areas,
        is_crowd,
        partners.is_ignored,
        truth.reshape(-1, num_joints, 3),
        bboxes,
    )
    return PoseArrays(
        image_of[0],
        poses.reshape(-1, num_joints, 3),
        np.array([r["score"] for r in partners.results], np.float64),
        np.ones(len(partners.results)),  # sizes do not count here
        people,
        len(partners.images),
        np.asarray(sigmas, np.float64),
        _some(partners.pairs, partners.pairs.similarity >= LOWEST),
    )


def pose_matches(
    arrays: PoseArrays,
    *,
    kept: Array | None = None,
    known: Array | None = None,
    is_ignored: Array | None = None,
    is_excused: Array | None = None,
) -> Matches:
    """COCO's matching of poses with people.

    Args:
        arrays: who was found and who is there.
        kept: results that are there, (D,) bool; None: all.
        known: annotated people who are there, (M,) bool; None: all.
        is_ignored: people who do not count, (M,) bool; None: as in ``arrays``.
        is_excused: results that are not wrong where nobody is matched, (D,) bool; None: none.
    """
    kept = np.ones(len(arrays.image), bool) if kept is None else kept
    is_excused = np.zeros(len(arrays.image), bool) if is_excused is None else is_excused
    people = arrays.people
    if is_ignored is not None:
        people = replace(people, is_ignored=is_ignored)
    if known is not None:
        fields = {name: value[known] for name, value in vars(people).items()}
        people = Annotated(**fields)
    index = np.flatnonzero(kept)
    # equal scores keep their order, as in COCO's evaluation
    index = index[np.lexsort((-arrays.scores[index], arrays.image[index]))]
    groups = arrays.image[index]
    ranks = np.arange(len(groups)) - np.searchsorted(groups, groups)
    found = Found(groups, ranks, arrays.scores[index], arrays.areas[index], arrays.poses[index])
    pairs = _renumbered(arrays.known_pairs(), index, kept, known)
    matching = match_greedily(pairs, ranks, people.is_ignored, people.is_crowd)
    (matches,) = by_category(
        matching,
        found,
        people.groups[~people.is_ignored],
        is_excused[index],
        range(arrays.num_images),
        1,
    )
    return matches


def _some(pairs: Pairs, wanted: Array) -> Pairs:
    return Pairs(pairs.found[wanted], pairs.annotated[wanted], pairs.similarity[wanted])


def _renumbered(pairs: Pairs, index: Array, kept: Array, known: Array | None) -> Pairs:
    """Pairs of those who are there, by their places.

    Args:
        pairs: of all results and people.
        index: results that are there, in order.
        kept: the same, (D,) bool.
        known: people who are there, (M,) bool; None: all.
    """
    wanted = kept[pairs.found]
    if known is not None:
        wanted = wanted & known[pairs.annotated]
    pairs = _some(pairs, wanted)
    place = np.zeros(len(kept), np.int64)
    place[index] = np.arange(len(index))
    annotated = pairs.annotated if known is None else (np.cumsum(known) - 1)[pairs.annotated]
    return Pairs(place[pairs.found], annotated, pairs.similarity)
