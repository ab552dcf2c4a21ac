"""COCO's numbers from columns of detections and people, and their intervals."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from .matches import (
    NUM_DRAWS,
    THRESHOLDS,
    Matches,
    bootstrap_thresholds,
    interval,
    threshold_precisions,
)
from .matching import Matching, match_greedily
from .similarity import Annotated, Found, similar_pairs

Array = np.ndarray

KEYPOINT_STATS = ("AP", "AP .5", "AP .75", "AP (M)", "AP (L)")
KEYPOINT_STATS += ("AR", "AR .5", "AR .75", "AR (M)", "AR (L)")
REGION_STATS = ("AP", "AP .5", "AP .75", "AP (S)", "AP (M)", "AP (L)")
REGION_STATS += ("AR @1", "AR @10", "AR @100", "AR (S)", "AR (M)", "AR (L)")
AREAS = {
    "all": (0.0, 1e10),
    "S": (0.0, 32.0**2),
    "M": (32.0**2, 96.0**2),
    "L": (96.0**2, 1e10),
}
"""px², both ends included."""
MOST_POSES = 20
MOST_REGIONS = (1, 10, 100)
_AT = {" .5": slice(0, 1), " .75": slice(5, 6)}


@dataclass(frozen=True)
class CocoNumbers:
    """What an evaluation gives.

    Attributes:
        stats: COCO's numbers by name, in [0, 1]; -1 where nobody of that size is annotated.
        num_true: annotated people that count.
        num_found: those of them matched at an IoU or OKS of 0.5.
        by_area: of each size (``all``, ``M``, ...) the matches, one entry per category.
    """

    stats: dict[str, float]
    num_true: int
    num_found: int
    by_area: dict[str, tuple[Matches, ...]]

    @property
    def matches(self) -> Matches:
        """Those of all sizes, of the only category.

        Raises:
            ValueError: there are several categories.
        """
        if len(self.by_area["all"]) != 1:
            raise ValueError(
                f"this evaluation is of {len(self.by_area['all'])} categories; take "
                "by_area['all'], one entry each"
            )
        return self.by_area["all"][0]

    def named(self, *, intervals: bool) -> dict[str, float]:
        """The numbers by name, on request with ``AP_low`` and ``AP_high`` behind each AP."""
        return with_intervals(self.stats, self.intervals()) if intervals else self.stats

    def intervals(
        self, num: int = NUM_DRAWS, seed: int = 0, *, sizes: bool = True
    ) -> dict[str, tuple[float, float]]:
        """The 95 % interval of each AP by its name, bootstrap over images.

        Args:
            num: how many draws.
            seed: of the draws.
            sizes: also those of AP (M) and the like; each takes as long as all others.
        """
        areas = {a: m for a, m in self.by_area.items() if sizes or a == "all"}
        return precision_intervals(areas, num, seed)


def precision_intervals(
    by_area: dict[str, Sequence[Matches]], num: int = NUM_DRAWS, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Intervals of AP, AP .5, AP .75 of ``all``, and of AP (NAME) of the other groups.

    Both ends are -1 where nobody counts, as AP is.
    """
    found = {}
    # every group with the same seed, so the same draws: their intervals can be compared
    for name, matches in by_area.items():
        samples = bootstrap_thresholds(matches, num, seed)
        if name == "all":
            found["AP"] = _ends(samples)
            found |= {f"AP{at}": _ends(samples[:, part]) for at, part in _AT.items()}
        else:
            found[f"AP ({name})"] = _ends(samples)
    return found


def _ends(samples: Array) -> tuple[float, float]:
    values = samples.mean(1)
    return interval(values) if np.isfinite(values).any() else (-1.0, -1.0)


def with_intervals(
    stats: dict[str, float], intervals: dict[str, tuple[float, float]]
) -> dict[str, float]:
    """Numbers with the ends of their intervals behind them, as ``AP_low`` and ``AP_high``."""
    numbers = {}
    for name, value in stats.items():
        numbers[name] = value
        if name in intervals:
            numbers[f"{name}_low"], numbers[f"{name}_high"] = intervals[name]
    return numbers


def coco_numbers(
    found: Found,
    annotated: Annotated,
    image_ids: Sequence[Hashable],
    num_categories: int,
    sigmas: Array | None = None,
) -> CocoNumbers:
    """All numbers of an evaluation.

    Args:
        found: detections; groups are ``image * num_categories + category``.
        annotated: people, likewise.
        image_ids: of the evaluated images, in order.
        num_categories: how many there are.
        sigmas: per-joint constants, (K,), where shapes are keypoints.
    """
    pairs = similar_pairs(found, annotated, sigmas)
    is_of_poses = sigmas is not None
    # COCO labels no joints of small people
    names = [area for area in AREAS if not (is_of_poses and area == "S")]
    by_area, recalls, found_people = {}, {}, None
    for name in names:
        lowest, highest = AREAS[name]
        is_small_or_large = (annotated.areas < lowest) | (annotated.areas > highest)
        # ignored, not left out: a detection of somebody of another size is not wrong
        is_ignored = annotated.is_ignored | is_small_or_large
        matching = match_greedily(pairs, found.ranks, is_ignored, annotated.is_crowd)
        has_other_size = (found.areas < lowest) | (found.areas > highest)
        by_area[name] = by_category(
            matching,
            found,
            annotated.groups[~is_ignored],
            has_other_size,
            image_ids,
            num_categories,
        )
        recalls[name] = _recalls(by_area[name])
        if name == "all":
            found_people = int((matching.found[0] & ~is_ignored).sum())
    stats = _stats(by_area, recalls, is_of_poses)
    if not is_of_poses:
        ranks = _ranks_by_category(found, num_categories)
        for most in MOST_REGIONS:
            stats[f"AR @{most}"] = _mean(_recalls(by_area["all"], ranks, most))
    num_true = sum(int(matches.num_true.sum()) for matches in by_area["all"])
    ordered = KEYPOINT_STATS if is_of_poses else REGION_STATS
    return CocoNumbers({name: stats[name] for name in ordered}, num_true, found_people, by_area)


def by_category(
    matching: Matching,
    found: Found,
    true_groups: Array,
    has_other_size: Array,
    image_ids: Sequence[Hashable],
    num_categories: int,
) -> tuple[Matches, ...]:
    """The matches of one size, split by category."""
    # an unmatched detection counts by its own size: a large one is no mistake among the small
    ignored = matching.of_ignored | (~matching.matched & has_other_size)
    images, categories = np.divmod(found.groups, num_categories)
    true_images, true_categories = np.divmod(true_groups, num_categories)
    split = []
    for category in range(num_categories):
        own = slice(None) if num_categories == 1 else categories == category
        counted = true_images[true_categories == category]
        split.append(
            Matches(
                image_ids,
                images[own],
                found.scores[own],
                matching.matched[:, own],
                ignored[:, own],
                np.bincount(counted, minlength=len(image_ids)),
            )
        )
    return tuple(split)


def _ranks_by_category(found: Found, num_categories: int) -> list[Array]:
    categories = found.groups % num_categories
    return [found.ranks[categories == category] for category in range(num_categories)]


def _recalls(
    categories: Sequence[Matches], ranks: Sequence[Array] | None = None, most: int | None = None
) -> Array:
    """Highest recall at each threshold, (C, T), of the categories that somebody has.

    Args:
        categories: matches of each.
        ranks: place of each detection in its image.
        most: detections of an image that count; None: all.
    """
    rows = []
    for number, matches in enumerate(categories):
        num_true = matches.num_true.sum()
        right = matches.matched & ~matches.ignored
        if most is not None:
            right = right & (ranks[number] < most)
        # a category of nobody has no recall and must not lower the mean
        if num_true:
            rows.append(right.sum(1) / num_true)
    return np.array(rows).reshape(-1, len(THRESHOLDS))


def _mean(values: Array) -> float:
    values = values[values > -1]
    return float(values.mean()) if values.size else -1.0


def _stats(
    by_area: dict[str, tuple[Matches, ...]], recalls: dict[str, Array], is_of_poses: bool
) -> dict[str, float]:
    stats = {}
    for name, matches in by_area.items():
        precisions = threshold_precisions(matches)
        suffix = "" if name == "all" else f" ({name})"
        stats[f"AP{suffix}"] = _mean(precisions)
        stats[f"AR{suffix}"] = _mean(recalls[name])
        if name == "all":
            for at, part in _AT.items():
                stats[f"AP{at}"] = _mean(precisions[part])
                stats[f"AR{at}"] = _mean(recalls[name][:, part])
    return stats
