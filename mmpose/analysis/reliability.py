"""How far predicted probabilities can be believed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Array = np.ndarray

NUM_BINS = 10


@dataclass(frozen=True)
class Bin:
    """Predictions with confidences in (lower, upper], the first bin with its lower end.

    Attributes:
        lower: end of the bin.
        upper: end of the bin.
        count: predictions in it.
        confidence: their mean; None without any.
        frequency: mean of what came true; None without any.
    """

    lower: float
    upper: float
    count: int
    confidence: float | None
    frequency: float | None


@dataclass(frozen=True)
class Reliability:
    """A reliability curve and its two numbers.

    Attributes:
        name: what is predicted.
        truth: what it is compared with, in words.
        count: how many predictions.
        confidence: their mean; None without any, like the next three.
        frequency: mean of what came true.
        ece: expected calibration error, in [0, 1]; 0 is best.
        brier: Brier score, in [0, 1]; 0 is best.
        bins: of equal width.
    """

    name: str
    truth: str
    count: int
    confidence: float | None
    frequency: float | None
    ece: float | None
    brier: float | None
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "bins": [asdict(one) for one in self.bins]}


def reliability(
    confidences: Sequence[float] | Array,
    outcomes: Sequence[float] | Array,
    *,
    name: str = "",
    truth: str = "",
    num_bins: int = NUM_BINS,
) -> Reliability:
    """Compare predicted probabilities, or expected values, with what came true.

    The expected calibration error is the mean over bins, weighted by their counts, of the distance
    between mean confidence and frequency (M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI 2015;
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, ICML 2017). The Brier score (G. W. Brier, Monthly
    Weather Review 78, 1950) is the mean squared distance of confidence and outcome.

    Args:
        confidences: (N,) in [0, 1].
        outcomes: (N,), 0 or 1, or in [0, 1] where the confidence is an expected value.
        name: what is predicted.
        truth: what it is compared with.
        num_bins: bins of equal width.

    Raises:
        ValueError: lengths differ, or a number is not in [0, 1].
    """
    confidences, outcomes = (np.asarray(v, np.float64).reshape(-1) for v in (confidences, outcomes))
    if len(confidences) != len(outcomes):
        raise ValueError(f"got {len(confidences)} confidences for {len(outcomes)} outcomes")
    for values, what in ((confidences, "confidences"), (outcomes, "outcomes")):
        if not is_probability(values):
            wrong = values[~((values >= 0) & (values <= 1))][0]
            raise ValueError(f"{what} of {name or 'a curve'} must be in [0, 1], got {wrong}")
    # not by multiplying: 0.7 * 10 is above 7
    places = np.searchsorted(np.arange(1, num_bins) / num_bins, confidences)
    bins = tuple(
        Bin(
            n / num_bins,
            (n + 1) / num_bins,
            int(held.sum()),
            _mean(confidences[held]),
            _mean(outcomes[held]),
        )
        for n, held in enumerate(places == np.arange(num_bins)[:, None])
    )
    gaps = [one.count * abs(one.confidence - one.frequency) for one in bins if one.count]
    return Reliability(
        name,
        truth,
        len(confidences),
        _mean(confidences),
        _mean(outcomes),
        sum(gaps) / len(confidences) if gaps else None,
        _mean(np.square(confidences - outcomes)),
        bins,
    )


def is_probability(values: Array) -> bool:
    """Whether all are in [0, 1]; nan is not."""
    return bool(((values >= 0) & (values <= 1)).all())


def _mean(values: Array) -> float | None:
    return float(values.mean()) if values.size else None
