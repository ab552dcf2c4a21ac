"""What keeps poses from an AP of 1: errors of joints, of scores, people too many and too few.

Kinds are those of M. R. Ronchi and P. Perona, Benchmarking and Error Diagnosis in Multi-Instance
Pose Estimation, ICCV 2017 (arXiv 1707.05388). A joint is judged by its keypoint similarity
exp(-d² / (2 s² k²)) to the place where it should be, and where it is not close, to places of other
joints that it may have been mistaken for.

Two things differ from their paper. Poses and people are paired as in COCO's evaluation, and only
who is left then from an OKS of 0.1 on, so that a right pose keeps its person. A repaired joint
goes to its annotated place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmpose.evaluation.matches import average_precision

from .partners import Partners
from .precision import PoseArrays, pose_arrays, pose_matches

Array = np.ndarray

GOOD_FROM = 0.85
NEAR_FROM = 0.5
"""Keypoint similarity of a joint that is right, and of one that is close to a place."""
KINDS = (
    ("good", "within the spread of annotators (similarity 0.85)"),
    ("jitter", "close to its place, similarity 0.5 to 0.85"),
    ("inversion", "on the same person's joint of the other side"),
    ("swap", "on that joint, or its other side, of another person"),
    ("miss", "near none of these"),
)
GOOD, JITTER, INVERSION, SWAP, MISS = range(len(KINDS))
REPAIRS = ("miss", "swap", "inversion", "jitter", "scores", "background", "not found")
"""In the order of the paper: joints, scores, people too many, people too few."""
_MEANINGS = {
    "scores": "poses ranked by something else than their similarity",
    "background": "poses of nobody",
    "not found": "people without a pose",
}


@dataclass(frozen=True)
class PoseErrors:
    """Errors of poses.

    Attributes:
        ap: average precision, in [0, 1].
        kinds: of each labelled joint of a paired person the kind, an index into :data:`KINDS`, else
            -1, (D, K).
        counts: how many joints of each kind, and poses or people of the other errors.
        alone: what AP gains when one kind of error is repaired, of :data:`REPAIRS`.
        in_turn: what it gains when they are repaired one after the other. It adds up to 1 - AP
            where good joints lie on their places: they are left as they are.
    """

    ap: float
    kinds: Array
    counts: dict[str, int]
    alone: dict[str, float]
    in_turn: dict[str, float]

    def table(self) -> list[dict[str, Any]]:
        """A row for each repair: ``error``, ``meaning``, ``count``, ``alone`` and ``in turn``."""
        meanings = dict(KINDS) | _MEANINGS
        return [
            {
                "error": name,
                "meaning": meanings[name],
                "count": self.counts.get(name),
                "alone": self.alone[name],
                "in turn": self.in_turn[name],
            }
            for name in REPAIRS
        ]

    def joint_table(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """The share of each kind among the labelled joints, a row for each of K joints."""
        rows = []
        for name, kinds in zip(names, self.kinds.T, strict=True):
            counts = np.bincount(kinds[kinds >= 0], minlength=len(KINDS))
            shares = counts / max(1, counts.sum())
            row = {"joint": name, "labelled": int(counts.sum())}
            rows.append(row | {k: float(s) for (k, _), s in zip(KINDS, shares, strict=True)})
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"ap": self.ap, "repairs": self.table(), "counts": self.counts}


def pose_errors(
    partners: Partners, sigmas: Sequence[float], flip_indices: Sequence[int]
) -> PoseErrors:
    """Sort the errors of poses into kinds, and tell what each costs.

    Args:
        partners: who was paired with whom.
        sigmas: per-joint constants, (K,).
        flip_indices: for each joint the one of the other side, itself where there is none, (K,).
    """
    arrays = pose_arrays(partners, sigmas)
    person = np.where(partners.counts, partners.person, -1)
    kinds = joint_kinds(arrays, person, np.asarray(flip_indices))
    ap, alone, in_turn = _costs(arrays, partners, person, kinds)
    counts = {name: int((kinds == n).sum()) for n, (name, _) in enumerate(KINDS)}
    has_pose = np.isin(np.arange(len(partners.people)), person)
    counts["background"] = int((partners.person < 0).sum())
    counts["not found"] = int((~has_pose & ~partners.is_ignored).sum())
    return PoseErrors(ap, kinds, counts, alone, in_turn)


def joint_kinds(arrays: PoseArrays, person: Array, flip_indices: Array) -> Array:
    """The kind of every joint.

    Args:
        arrays: D poses and M people.
        person: whom each pose is of, (D,); -1: nobody.
        flip_indices: (K,).

    Returns:
        Indices into :data:`KINDS`, (D, K); -1 where the joint is not labelled or nobody is there.
    """
    people = arrays.people
    kinds = np.full(arrays.poses.shape[:2], -1)
    rows = np.flatnonzero(person >= 0)
    if not rows.size:
        return kinds
    own, poses = person[rows], arrays.poses[rows, :, :2]
    right = _similarity(arrays, poses, own)  # (R, K)
    twin = _similarity(arrays, poses, own, flip_indices)
    twin[:, flip_indices == np.arange(len(flip_indices))] = 0
    other = _of_others(arrays, rows, own, flip_indices)
    is_inverted = (twin >= NEAR_FROM) & (twin >= other)
    kind = np.where(other >= NEAR_FROM, SWAP, MISS)
    kind = np.where(is_inverted, INVERSION, kind)
    kind = np.where(right >= NEAR_FROM, JITTER, kind)
    kind = np.where(right >= GOOD_FROM, GOOD, kind)
    kinds[rows] = np.where(people.shapes[own, :, 2] > 0, kind, -1)
    return kinds


def _similarity(
    arrays: PoseArrays, poses: Array, people: Array, joints: Array | None = None
) -> Array:
    """Keypoint similarity of joints with joints of people, (R, K); 0 where not labelled.

    Args:
        arrays: the people.
        poses: (R, K, 2).
        people: whom each pose is compared with, (R,).
        joints: which joint of theirs, (K,); None: the same.
    """
    joints = np.arange(len(arrays.sigmas)) if joints is None else joints
    truth = arrays.people.shapes[people][:, joints]
    d2 = np.square(poses - truth[..., :2]).sum(-1)
    spread = np.square(2 * arrays.sigmas)  # of the joint that is meant, as in OKS
    areas = arrays.people.areas[people, None] + np.spacing(1)
    return np.exp(-d2 / (2 * areas * spread)) * (truth[..., 2] > 0)


def _of_others(arrays: PoseArrays, rows: Array, own: Array, flip_indices: Array) -> Array:
    """The highest similarity of joints with that joint, or its other side, of others, (R, K)."""
    groups, image = arrays.people.groups, arrays.image[rows]
    first = np.searchsorted(groups, image)
    counts = np.searchsorted(groups, image, side="right") - first
    highest = np.zeros((len(rows), len(flip_indices)))
    # the n-th person of every image at once: as many rounds as the fullest image has people
    for n in range(int(counts.max(initial=0))):
        some = np.flatnonzero((n < counts) & (first + n != own))
        people = (first + n)[some]
        # a crowd region has no joints that somebody could have
        some, people = (a[~arrays.people.is_crowd[people]] for a in (some, people))
        poses = arrays.poses[rows[some], :, :2]
        near = np.maximum(
            _similarity(arrays, poses, people), _similarity(arrays, poses, people, flip_indices)
        )
        highest[some] = np.maximum(highest[some], near)
    return highest


def _costs(
    arrays: PoseArrays, partners: Partners, person: Array, kinds: Array
) -> tuple[float, dict[str, float], dict[str, float]]:
    """AP, and what it gains by each repair alone and by one after the other."""
    ap = average_precision(pose_matches(arrays))
    alone, in_turn = {}, {}
    state, last = _State(arrays), ap
    for name in REPAIRS:
        state = state.repair(name, partners, person, kinds)
        reached = state.average_precision()
        in_turn[name], last = reached - last, reached
        if name == REPAIRS[0]:
            alone[name] = in_turn[name]
            continue
        once = _State(arrays).repair(name, partners, person, kinds)
        alone[name] = once.average_precision() - ap
    return ap, alone, in_turn


@dataclass(frozen=True)
class _State:
    """Poses as far as they are repaired, and who is there."""

    arrays: PoseArrays
    kept: Array | None = None
    known: Array | None = None

    def average_precision(self) -> float:
        found = average_precision(pose_matches(self.arrays, kept=self.kept, known=self.known))
        if found >= 0:
            return found
        # nobody is left to be found: nothing is wrong, or all of what is there
        num_kept = len(self.arrays.image) if self.kept is None else self.kept.sum()
        return float(num_kept == 0)

    def repair(self, name: str, partners: Partners, person: Array, kinds: Array) -> "_State":
        arrays = self.arrays
        if name == "scores":
            # of ignored people too, whose poses do not count: their order changes nothing
            scores = np.where(person >= 0, _oks(arrays, person), 0.0)
            return replace(self, arrays=replace(arrays, scores=scores))
        if name == "background":
            return replace(self, kept=partners.person >= 0)
        if name == "not found":
            has_pose = np.isin(np.arange(len(partners.people)), person)
            return replace(self, known=has_pose | partners.is_ignored)
        kind = [k for k, _ in KINDS].index(name)
        poses = arrays.poses.copy()
        truth = arrays.people.shapes[np.maximum(person, 0)] if len(partners.people) else poses
        is_wrong = kinds == kind
        poses[is_wrong, :2] = truth[is_wrong, :2]
        return replace(self, arrays=arrays.moved(poses))


def _oks(arrays: PoseArrays, person: Array) -> Array:
    """OKS of each pose with its person, (D,); 0 without."""
    found = np.zeros(len(person))
    rows = np.flatnonzero(person >= 0)
    if rows.size:
        similarity = _similarity(arrays, arrays.poses[rows, :, :2], person[rows])
        counts = (arrays.people.shapes[person[rows], :, 2] > 0).sum(1)
        found[rows] = similarity.sum(1) / np.maximum(counts, 1)
    return found
