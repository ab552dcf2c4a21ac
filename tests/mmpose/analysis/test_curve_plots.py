"""Curves over steps as SVG."""

import re
from xml.etree import ElementTree

import pytest

from mmpose.analysis.curve_plots import HEIGHT, LEFT, TOP, WIDTH, Axis, curve_plot, short, thin_out

NAN, INF = float("nan"), float("inf")


def drawn(svg):
    return ElementTree.fromstring(re.match(r"<svg.*?</svg>", svg, re.DOTALL)[0])


def points(root):
    return [
        [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
        for line in root.iter("polyline")
    ]


@pytest.mark.parametrize(
    ("low", "high", "is_log", "ticks"),
    [
        (0, 1, False, [0, 0.5, 1]),
        (0, 900, False, [0, 500]),
        (-0.3, 0.3, False, [-0.2, 0, 0.2]),
        (2, 2, False, [1.8, 1.9, 2, 2.1, 2.2]),
        (0.02, 5, True, [0.1, 1]),
        (1e-6, 1e2, True, [1e-6, 1e-4, 1e-2, 1, 1e2]),
    ],
)
def test_ticks_are_round_numbers_within_the_range(low, high, is_log, ticks):
    assert Axis(low, high, 100, is_log=is_log).ticks() == pytest.approx(ticks)


def test_numbers_lie_where_they_belong():
    assert Axis(0, 4, 100).place(1) == 25
    assert Axis(1, 100, 100, is_log=True).place(10) == 50
    assert Axis(3, 3, 100).place(3) == 50


def test_a_curve_runs_from_corner_to_corner():
    root = drawn(curve_plot({"loss": ([0, 10, 20], [1.0, 2.0, 3.0])}, "loss"))
    (line,) = points(root)
    corners = [(LEFT, TOP + HEIGHT), (LEFT + WIDTH / 2, TOP + HEIGHT / 2), (LEFT + WIDTH, TOP)]
    assert line == corners
    assert root.get("aria-label") == "loss"


def test_a_value_that_is_not_finite_leaves_a_gap_and_a_mark():
    svg = curve_plot({"loss": ([1, 2, 3, 4, 5], [1.0, 2.0, NAN, 3.0, INF])}, "loss")
    assert [len(line) for line in points(drawn(svg))] == [2, 1]
    assert svg.count("×") == 2
    # alone between gaps it is a dot
    assert len(list(drawn(svg).iter("circle"))) == 1


@pytest.mark.parametrize("curve", [([], []), ([1, 2], [NAN, NAN]), ([5], [3.0])])
def test_curves_of_little_are_drawn(curve):
    assert drawn(curve_plot({"loss": curve}, "loss")).get("viewBox")


def test_large_ranges_are_logarithmic_unless_a_value_is_not_positive():
    steps = [1, 2, 3]
    assert "logarithmic" in curve_plot({"a": (steps, [100.0, 10.0, 1.0])}, "a")
    assert "logarithmic" not in curve_plot({"a": (steps, [100.0, 10.0, 0.0])}, "a")
    assert "logarithmic" not in curve_plot({"a": (steps, [20.0, 10.0, 1.0])}, "a")


def test_the_best_and_the_resumes_are_marked():
    curve = ([0, 10, 20], [1.0, 3.0, 2.0])
    svg = curve_plot({"AP": curve}, "AP", best=(10, 3.0), resumes=[15, 99])
    (dot,) = drawn(svg).iter("circle")
    place = float(dot.get("cx")), float(dot.get("cy"))
    assert place == pytest.approx((LEFT + WIDTH / 2, TOP))
    assert "best: 3 at step 10" in svg
    assert svg.count('class="diagonal"') == 1  # 99 is beyond


def test_of_many_curves_six_are_drawn_with_a_legend():
    svg = curve_plot({f"layer_{i}": ([1, 2], [i, i]) for i in range(14)}, "rates")
    assert len(points(drawn(svg))) == 6
    assert "layer_0<" in svg
    assert "layer_13<" in svg


def test_long_curves_are_averaged_in_pieces():
    steps, values = thin_out((list(range(800)), [1.0, 3.0] * 399 + [NAN, 1.0]))
    assert len(steps) == 400
    assert steps[:2] == [0.5, 2.5]
    assert values[:399] == [2.0] * 399
    assert values[399] != values[399]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.25, "0.25"), (1e-6, "1e-6"), (123456.0, "1.2e5"), (99999, "1e+05")],
)
def test_numbers_of_axes_are_short(value, text):
    assert short(value) == text
