"""Reliability worked out by hand."""

import pytest

from mmpose.analysis.reliability import reliability


def test_three_bins_by_hand():
    # bin (0, .5]: mean .3, none of 2 true; bin (.5, 1]: mean .8, 2 of 3 true
    curve = reliability([0.2, 0.4, 0.7, 0.8, 0.9], [0, 0, 1, 0, 1], num_bins=2)
    assert [one.count for one in curve.bins] == [2, 3]
    assert [one.confidence for one in curve.bins] == pytest.approx([0.3, 0.8])
    assert [one.frequency for one in curve.bins] == pytest.approx([0, 2 / 3])
    assert curve.ece == pytest.approx((2 * 0.3 + 3 * (0.8 - 2 / 3)) / 5)
    assert curve.brier == pytest.approx((0.04 + 0.16 + 0.09 + 0.64 + 0.01) / 5)
    assert (curve.count, curve.confidence, curve.frequency) == (5, pytest.approx(0.6), 0.4)


def test_errors_of_two_sides_in_one_bin_cancel_in_calibration_but_not_in_brier():
    curve = reliability([0.5, 0.5], [0, 1], num_bins=1)
    assert (curve.ece, curve.brier) == (0, 0.25)


@pytest.mark.parametrize(
    ("confidence", "place"),
    [
        pytest.param(0.0, 0, id="0 belongs to the first bin"),
        pytest.param(0.1, 0, id="an upper end belongs to its bin"),
        pytest.param(0.7, 6, id="also where ten times it is not whole as floats"),
        pytest.param(0.10001, 1, id="above it to the next"),
        pytest.param(1.0, 9, id="1 belongs to the last"),
    ],
)
def test_ends_of_bins(confidence, place):
    counts = [one.count for one in reliability([confidence], [1]).bins]
    assert counts == [int(n == place) for n in range(10)]


def test_expected_values_are_compared_with_what_was_reached():
    curve = reliability([0.9, 0.9], [0.7, 0.5])
    assert curve.ece == pytest.approx(0.3)
    assert curve.brier == pytest.approx((0.04 + 0.16) / 2)


def test_without_predictions_there_are_no_numbers():
    curve = reliability([], [])
    assert (curve.count, curve.ece, curve.brier, curve.frequency) == (0, None, None, None)
    assert [one.frequency for one in curve.bins] == [None] * 10


@pytest.mark.parametrize(
    ("confidences", "outcomes", "message"),
    [
        ([1.2], [1], "confidences of a curve must be in .0, 1., got 1.2"),
        ([float("nan")], [1], "got nan"),
        ([0.5], [-1], "outcomes of a curve"),
        ([0.5], [], "1 confidences for 0 outcomes"),
    ],
)
def test_what_is_no_probability_is_refused(confidences, outcomes, message):
    with pytest.raises(ValueError, match=message):
        reliability(confidences, outcomes)
