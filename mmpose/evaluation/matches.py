"""Who was found in an evaluation, kept so that average precision can be had of any draw of images.

Intervals are percentiles of the bootstrap over images (B. Efron, R. J. Tibshirani: An Introduction
to the Bootstrap, 1993, chapter 13): an image that is drawn twice counts twice, with its people and
all that was found on it.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Array = np.ndarray

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Similarities from which on a pair is right, (T,)."""
RECALLS = np.linspace(0, 1, 101)
"""Recalls at which precision is read, (R,)."""
NUM_DRAWS = 1000
_SUMS_AT_ONCE = 1_000_000  # detections x draws: 4 MB an array, and few calls for small sets


@dataclass(frozen=True)
class Matches:
    """How D detections of one category fare on I images at T thresholds.

    Attributes:
        image_ids: of the evaluated images, in the order of evaluation, I of them.
        image: of each detection, an index into ``image_ids``, (D,) int64; never decreasing.
        scores: (D,) float64; best first within an image.
        matched: whether the detection has a person, (T, D) bool.
        ignored: whether it counts neither as right nor as wrong, (T, D) bool.
        num_true: annotated people who count on each image, (I,) int64.
    """

    image_ids: Sequence[Hashable]
    image: Array
    scores: Array
    matched: Array
    ignored: Array
    num_true: Array


Categories = Matches | Sequence[Matches]


class Difference(NamedTuple):
    """How much better a second evaluation is than a first.

    Attributes:
        difference: AP of the second less that of the first.
        interval: of the difference, lower and upper end.
        probability: that the difference is positive; ties count half.
    """

    difference: float
    interval: tuple[float, float]
    probability: float


def average_precision(matches: Categories, weights: Array | None = None) -> float:
    """COCO's average precision, mean over thresholds, recalls and categories.

    Args:
        matches: of one category, or of several on the same images.
        weights: how often each image is there, (I,) whole numbers; None: once.

    Returns:
        In [0, 1]; -1 where nobody counts. With weights it is what pycocotools gives for copies
        of the images, as long as scores within an image differ.
    """
    return _mean(threshold_precisions(matches, weights))


def threshold_precisions(matches: Categories, weights: Array | None = None) -> Array:
    """Average precision at each threshold, (T,) float64; -1 where nobody counts.

    Args:
        matches: as in :func:`average_precision`.
        weights: as there.
    """
    rankings = [_Ranking(one) for one in _listed(matches)]
    if weights is None:
        weights = np.ones(len(rankings[0].num_true), np.int32)
    values = _precisions(rankings, np.asarray(weights)[None])[0]
    return np.where(np.isnan(values), -1.0, values)


def bootstrap(matches: Categories, num: int = NUM_DRAWS, seed: int = 0) -> Array:
    """Average precision of images drawn again and again.

    Args:
        matches: of one category, or of several on the same images.
        num: how many draws.
        seed: of the draws; two evaluations of as many images get the same ones.

    Returns:
        (num,) float64, nan for a draw in which nobody counts.
    """
    return bootstrap_thresholds(matches, num, seed).mean(1)


def bootstrap_thresholds(matches: Categories, num: int = NUM_DRAWS, seed: int = 0) -> Array:
    """As :func:`bootstrap`, for each threshold: (num, T) float64."""
    rankings = [_Ranking(one) for one in _listed(matches)]
    num_images = len(rankings[0].num_true)
    at_once = max(1, _SUMS_AT_ONCE // max(1, num_images, *(len(r.image) for r in rankings)))
    samples = [np.zeros((0, len(THRESHOLDS)))]
    for weights in _draws(num_images, num, seed, at_once):
        samples.append(_precisions(rankings, weights))
    return np.concatenate(samples)


def interval(samples: Array, level: float = 0.95) -> tuple[float, float]:
    """Lower and upper end between which a share ``level`` of samples lies; nan without samples."""
    samples = samples[np.isfinite(samples)]
    if not samples.size:
        return float("nan"), float("nan")
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_difference(
    first: Categories,
    second: Categories,
    num: int = NUM_DRAWS,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """How much better a second evaluation of the same images is, drawn in pairs.

    Both are judged on the same draws, so that what makes images hard for both cancels.

    Args:
        first: of one category, or of several.
        second: on the same images.
        num: how many draws.
        seed: of the draws.
        level: share of the differences that the interval holds.

    Raises:
        ValueError: they are of other images.
    """
    ids = [list(_listed(matches)[0].image_ids) for matches in (first, second)]
    if ids[0] != ids[1]:
        only = set(ids[0]) ^ set(ids[1])
        raise ValueError(
            f"both must be of the same images in one order, got {len(ids[0])} and {len(ids[1])} of "
            f"which {len(only)} are in one alone; evaluate both with the same annotations"
        )
    difference = average_precision(second) - average_precision(first)
    drawn = gain_over(bootstrap(first, num, seed), bootstrap(second, num, seed), level)
    return Difference(difference, (drawn["gain_low"], drawn["gain_high"]), drawn["gain_positive"])


def gain_over(first: Array, second: Array, level: float = 0.95) -> dict[str, float]:
    """The interval of a difference, of samples that :func:`bootstrap` drew with one seed.

    Args:
        first: (R,) of the one evaluation.
        second: (R,) of the other, of the same images.
        level: share of the differences that the interval holds.

    Returns:
        ``gain_low``, ``gain_high`` and ``gain_positive``, the probability that it is above 0.
    """
    samples = second - first
    samples = samples[np.isfinite(samples)]
    low, high = interval(samples, level)
    positive = float(np.mean((samples > 0) + 0.5 * (samples == 0))) if samples.size else np.nan
    return {"gain_low": low, "gain_high": high, "gain_positive": positive}


def _listed(matches: Categories) -> Sequence[Matches]:
    return [matches] if isinstance(matches, Matches) else matches


def _mean(values: Array) -> float:
    values = values[values > -1]
    return float(values.mean()) if values.size else -1.0


def _draws(num_images: int, num: int, seed: int, at_once: int) -> Iterator[Array]:
    """How often each image is drawn, (B, I) int32, ``at_once`` draws each time and the rest."""
    rng = np.random.default_rng(seed)
    for start in range(0, num, at_once):
        weights = np.zeros((min(at_once, num - start), num_images), np.int32)
        for row in weights:  # one by one: the draws do not depend on how many come at once
            row[:] = np.bincount(
                rng.integers(0, max(num_images, 1), num_images), minlength=num_images
            )
        yield weights


class _Ranking:
    """The detections of all images, best first, and at each threshold the right ones of them.

    Precision peaks, and recall rises, at right detections alone. So a draw needs sums over those,
    and one sum over all detections that serves every threshold; those that are ignored at
    every one of them are left out.
    """

    def __init__(self, matches: Matches) -> None:
        order = np.argsort(-matches.scores, kind="stable")
        order = order[~matches.ignored.all(0)[order]]
        self.num_true = np.asarray(matches.num_true)
        self.image = matches.image[order]
        self.rows = []
        for matched, ignored in zip(matches.matched, matches.ignored, strict=True):
            right = np.flatnonzero((matched & ~ignored)[order])
            passed = np.flatnonzero(ignored[order])
            num_passed = np.searchsorted(passed, right)
            self.rows.append((right, self.image[right], self.image[passed], num_passed))

    def precisions(self, weights: Array) -> Array:
        """Mean precision over all recalls, (B, T), of images that are there ``weights`` times.

        Args:
            weights: of B draws, (B, I).

        Returns:
            nan where nobody counts.
        """
        num_true = weights @ self.num_true  # (B,)
        values = np.full((len(weights), len(self.rows)), np.nan)
        if not num_true.any():
            return values
        num_all = np.cumsum(np.take(weights, self.image, axis=1), axis=1, dtype=np.int32)
        for column, row in enumerate(self.rows):
            values[:, column] = _mean_precisions(*row, weights, num_all, num_true)
        values[num_true == 0] = np.nan
        return values


def _mean_precisions(
    right: Array,
    image_of_right: Array,
    image_of_passed: Array,
    num_passed: Array,
    weights: Array,
    num_all: Array,
    num_true: Array,
) -> Array:
    """Mean over all recalls of the best precision from there on, (B,).

    Args:
        right: places of the right detections in the ranking, (P,).
        image_of_right: (P,).
        image_of_passed: of those that do not count, (Q,).
        num_passed: how many of these stand before each right one, (P,).
        weights: of images, (B, I).
        num_all: weight of all detections up to each place, (B, D).
        num_true: who can be found, (B,).
    """
    if not right.size:
        return np.zeros(len(weights))
    num_right = np.cumsum(
        np.take(weights, image_of_right, axis=1), axis=1, dtype=np.int32
    )  # (B, P)
    num_counted = np.take(num_all, right, axis=1)
    if image_of_passed.size:
        before = np.cumsum(np.take(weights, image_of_passed, axis=1), axis=1, dtype=np.int32)
        num_counted -= np.take(np.pad(before, ((0, 0), (1, 0))), num_passed, axis=1)
    precision = num_right / np.maximum(num_counted, 1)
    if right.size < len(RECALLS):
        return _by_detection(precision, num_right, num_true)
    return _by_recall(precision, num_right, num_true)


def _by_detection(precision: Array, num_right: Array, num_true: Array) -> Array:
    """Each right detection serves the recalls that it is the first to reach; for few of them."""
    recall = num_right / np.maximum(num_true, 1)[:, None]
    num_reached = np.searchsorted(RECALLS, recall, side="right")
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return (best * np.diff(num_reached, axis=1, prepend=0)).sum(1) / len(RECALLS)


def _by_recall(precision: Array, num_right: Array, num_true: Array) -> Array:
    """Each recall looks for the detection that reaches it; for many of them."""
    num_rows, num_columns = num_right.shape
    # all draws are one rising row, each above the one before, so that one search serves them
    step = int(max(num_true.max(), num_right[:, -1].max())) + 1
    above = np.arange(num_rows)[:, None] * step
    places = np.searchsorted((num_right + above).ravel(), _needed(num_true) + above)  # (B, R)
    is_beyond = places == (np.arange(num_rows)[:, None] + 1) * num_columns
    # up to the next place: the running maximum over recalls then has the places after it too
    peaks = np.maximum.reduceat(np.append(precision, 0.0), places.ravel()).reshape(places.shape)
    peaks[is_beyond] = 0.0
    return np.maximum.accumulate(peaks[:, ::-1], axis=1).mean(1)


def _needed(num_true: Array) -> Array:
    """The fewest right detections that reach each recall, (B, R), as COCO's floats compare."""
    num_true = np.maximum(num_true, 1)[:, None]
    needed = np.ceil(RECALLS * num_true).astype(np.int64)
    needed -= (needed > 0) & ((needed - 1) / num_true >= RECALLS)
    needed += needed / num_true < RECALLS
    return needed


def _precisions(rankings: Sequence[_Ranking], weights: Array) -> Array:
    """Of draws at each threshold, (B, T): mean over the categories that somebody has, or nan."""
    values = np.array([ranking.precisions(weights) for ranking in rankings])  # (C, B, T)
    if len(values) == 1:
        return values[0]
    counts = np.isfinite(values).sum(0)
    return np.where(counts > 0, np.nansum(values, 0), np.nan) / np.maximum(counts, 1)
