"""Is a row other than the base? Paired over seeds and images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mmpose.evaluation.matches import interval

from .measures import Measured

LEVEL = 0.95


@dataclass(frozen=True)
class Gain:
    """A row less the base.

    Attributes:
        difference: mean over the seeds that both have.
        low: lower end of its interval; None: nothing tells how sure it is.
        high: upper end.
        probability: that the difference is positive, ties count half; None likewise.
        num_seeds: that both have.
    """

    difference: float
    low: float | None
    high: float | None
    probability: float | None
    num_seeds: int

    @property
    def verdict(self) -> str:
        """``equal`` (not one draw differs), ``unclear`` (0 is inside), ``higher``, ``lower`` (which
        of a loss is the better), or ``unknown`` without an interval, or with one of nan."""
        if self.low is None or not np.isfinite([self.low, self.high]).all():
            return "unknown"
        if self.low == self.high == 0:
            return "equal"
        if self.low <= 0 <= self.high:
            return "unclear"
        return "higher" if self.low > 0 else "lower"


def compare(base: Mapping[int, Measured], row: Mapping[int, Measured]) -> Gain | None:
    """The gain of a row over the base.

    Images are drawn again and again, the same for both; of several seeds, these are drawn too
    (few seeds make such an interval too narrow rather than too wide). Without result files the
    interval is Student's, over the paired differences of at least two seeds.

    Args:
        base: number of each seed.
        row: likewise.

    Returns:
        None where they have no seed in common.
    """
    seeds = sorted(set(base) & set(row))
    if not seeds:
        return None
    differences = np.array([row[seed].value - base[seed].value for seed in seeds])
    drawn = _drawn(base, row, seeds)
    mean = float(differences.mean())
    if drawn is None:
        return Gain(mean, *_student(differences), len(seeds))
    low, high = interval(drawn, LEVEL)
    probability = float(np.mean((drawn > 0) + 0.5 * (drawn == 0)))
    return Gain(mean, low, high, probability, len(seeds))


def _drawn(
    base: Mapping[int, Measured], row: Mapping[int, Measured], seeds: list[int]
) -> np.ndarray | None:
    """Differences of draws, (R,); None where some run has none, or other images."""
    measured = [one for seed in seeds for one in (base[seed], row[seed])]
    if any(one.draws is None for one in measured) or len({one.images for one in measured}) > 1:
        return None
    if not np.isfinite([one.value for one in measured]).all():
        return None
    pairs = [(base[seed].draws, row[seed].draws) for seed in seeds]
    table = np.array([after - before for before, after in pairs], dtype=np.float64)  # (S, R)
    num_seeds, num_draws = table.shape
    picked = np.random.default_rng(0).integers(0, num_seeds, (num_seeds, num_draws))
    drawn = np.take_along_axis(table, picked, axis=0).mean(0)
    return drawn[np.isfinite(drawn)]


def _student(differences: np.ndarray) -> tuple[float | None, float | None, float | None]:
    """Interval of the mean and probability that it is positive, from the spread over seeds."""
    if len(differences) < 2:
        return None, None, None
    mean, error = differences.mean(), stats.sem(differences)
    if error == 0:
        return float(mean), float(mean), float(np.heaviside(mean, 0.5))
    spread = stats.t(len(differences) - 1)
    reach = spread.ppf((1 + LEVEL) / 2) * error
    return float(mean - reach), float(mean + reach), float(spread.cdf(mean / error))
