"""A sweep on the world of rectangles: calls, rankings and numbers worked out by hand."""

import math
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from bmp.evaluation.score_sweep import (
    Judge,
    Score,
    Sweep,
    SweepRow,
    check_thresholds,
    default_factors,
    factor_rows,
    precision_and_recall,
    threshold_rows,
    with_reference,
)
from bmp.evaluation.sweep_report import format_table, plot
from bmp.loop import LoopSettings
from bmp.loop.build import LoopParts
from mmpose.datasets.coco_file import complete_annotations
from mmpose.evaluation.matches import Matches
from tests.bmp.loop_parts import APART, RectangleDetector, RectanglePose, RectangleSegmenter

FACTORS = [("bbox_scores",), ("bbox_scores", "keypoint_scores")]
# APART: levels 10 and 20, so that the left person scores 0.1 and the right one 0.2
BOXES = [[5, 5, 20, 45], [60, 10, 30, 45]]


@pytest.fixture(scope="module")
def sweep():
    parts = LoopParts(RectangleDetector(), RectanglePose(), RectangleSegmenter(), LoopSettings())
    sweep = Sweep(parts, [0.05, 0.15], FACTORS)
    sweep.add(APART, 7)
    return sweep


@pytest.fixture(scope="module")
def judge():
    people = [
        {"id": n, "image_id": 7, "category_id": 1, "bbox": box, "iscrowd": 0, "area": 900.0}
        for n, box in enumerate(BOXES, 1)
    ]
    content = {
        "images": [{"id": 7, "width": 100, "height": 60}],
        "annotations": people,
        "categories": [{"id": 1, "name": "person"}],
    }
    return Judge(complete_annotations(content), (), ["bbox"], {"bbox": "bbox_scores"}, [7])


def test_what_thresholds_share_is_computed_once(sweep):
    # 0.05: both are found, and nobody in what is left; 0.15: the first look is remembered, and
    # the image with only the right person blacked out is new
    assert sweep.calls.to_dict() == {
        "asked": {
            "images embedded": 2,
            "images detected in": 4,
            "people posed": 3,
            "people segmented": 3,
        },
        "computed": {
            "images embedded": 1,
            "images detected in": 3,
            "people posed": 2,
            "people segmented": 2,
        },
    }


def test_people_of_each_threshold_with_their_ranking_scores(sweep):
    assert [len(sweep.results[t]) for t in (0.05, 0.15)] == [2, 1]
    person = sweep.results[0.15][0]
    assert person["image_id"] == 7
    assert person["bbox"] == BOXES[1]
    # joints score 0.9 each
    scores = person["bbox_scores"], person["bbox_scores × keypoint_scores"]
    assert scores == pytest.approx((0.2, 0.18))


def test_numbers_of_thresholds(sweep, judge):
    loose, strict = threshold_rows(sweep, judge, 0.05)
    assert (loose.name, loose.is_reference, loose.num_people) == ("0.05", True, 2)
    assert (strict.name, strict.is_reference, strict.num_people) == ("0.15", False, 1)
    every = loose.scores["bbox"]
    assert (every.ap, every.low, every.high) == pytest.approx((1, 1, 1))
    assert (every.precision, every.recall, every.difference) == (1, 1, 0)
    half = strict.scores["bbox"]
    # of the 101 recalls those up to 0.5 are reached, 51 of them
    assert half.ap == pytest.approx(51 / 101)
    assert (half.precision, half.recall) == (1, 0.5)
    assert half.difference == pytest.approx(51 / 101 - 1)
    assert half.is_told_from_zero
    assert not every.is_told_from_zero


def test_flat_numbers_are_named_as_those_of_the_loop():
    score = Score(0.342, 0.3, 0.38, 0.803, 0.596, 0.01, -0.02, 0.04)
    assert SweepRow("0.3", False, 509, {"bbox": score}).numbers() == {
        "0.3/num_people": 509,
        "0.3/bbox_AP": 0.342,
        "0.3/bbox_AP_low": 0.3,
        "0.3/bbox_AP_high": 0.38,
        "0.3/bbox_AP_gain": 0.01,
        "0.3/bbox_AP_gain_low": -0.02,
        "0.3/bbox_AP_gain_high": 0.04,
        "0.3/bbox_precision": 0.803,
        "0.3/bbox_recall": 0.596,
    }


def test_numbers_of_factors_take_the_same_people(sweep, judge):
    calls = dict(sweep.calls.computed)
    rows = factor_rows(sweep, judge, 0.05, FACTORS[0])
    assert [row.name for row in rows] == ["bbox_scores", "bbox_scores × keypoint_scores"]
    assert [row.is_reference for row in rows] == [True, False]
    assert [row.num_people for row in rows] == [2, 2]
    assert rows[1].scores["bbox"].ap == pytest.approx(1)
    assert sweep.calls.computed == calls


@pytest.mark.parametrize(
    ("matched", "ignored", "num_true", "expected"),
    [
        pytest.param([1, 1, 0], [0, 0, 0], 4, (2 / 3, 0.5), id="two of three, two of four"),
        pytest.param([1, 1, 0], [0, 1, 1], 4, (1.0, 0.25), id="those ignored do not count"),
        pytest.param([], [], 4, (math.nan, 0.0), id="nobody predicted"),
        pytest.param([0], [0], 0, (0.0, math.nan), id="nobody annotated"),
    ],
)
def test_precision_and_recall(matched, ignored, num_true, expected):
    matches = Matches(
        [7],
        np.zeros(len(matched), np.int64),
        np.ones(len(matched)),
        np.array([matched] + 9 * [[0] * len(matched)], bool),
        np.array([ignored] * 10, bool),
        np.array([num_true]),
    )
    assert precision_and_recall(matches) == pytest.approx(expected, nan_ok=True)


def test_values_keep_their_order_and_hold_the_reference():
    assert with_reference([0.5, 0.1, 0.5], 0.3) == [0.5, 0.1, 0.3]
    assert with_reference([0.5, 0.3], 0.3) == [0.5, 0.3]
    assert default_factors(LoopSettings()).count(("bbox_scores", "keypoint_scores")) == 1


@pytest.mark.parametrize("threshold", [-0.1, 1.0, math.nan])
def test_a_threshold_that_is_no_score_is_refused(threshold):
    with pytest.raises(ValueError, match=r"thresholds must be scores in \[0, 1\), got"):
        check_thresholds([0.3, threshold])


def test_unknown_factors_are_refused_before_the_run(sweep):
    with pytest.raises(ValueError, match="score_factors"):
        Sweep(sweep.parts, [0.3], [("box_scores",)])


REFERENCE = Score(0.342, 0.3, 0.38, 0.803, 0.596, 0.0, 0.0, 0.0)
OTHER = replace(
    REFERENCE, ap=0.352, difference=0.01, difference_low=0.004, difference_high=0.02, recall=0.7
)
UNSURE = replace(OTHER, difference_low=-0.001, precision=math.nan)
ROWS = [
    SweepRow("0.3", True, 509, {"bbox": REFERENCE, "segm": REFERENCE}),
    SweepRow("0.1", False, 1200, {"bbox": OTHER, "segm": UNSURE}),
]


def test_the_table_says_what_cannot_be_told_from_zero():
    lines = format_table(ROWS, "score_thr").splitlines()
    assert [cell.strip() for cell in lines[3].strip("|").split("|")] == [
        *("0.1", "35.2 [30.0, 38.0]", "35.2 [30.0, 38.0]"),
        *("+1.0 [+0.4, +2.0]", "+1.0 [-0.1, +2.0] ="),
        *("80.3 / 70.0", "– / 70.0", "1200"),
    ]
    assert lines[0].startswith("| score_thr | box AP | mask AP | box, to 0.3 | mask, to 0.3 |")
    assert "people" not in format_table(ROWS, "score_factors", same_people=True)


@pytest.mark.parametrize("same_people", [False, True])
def test_the_plot_is_one_file_without_links(same_people):
    svg = plot(ROWS, "score_thr <", same_people=same_people)
    root = ElementTree.fromstring(svg)
    names = {element.tag.split("}")[1] for element in root.iter()}
    assert names <= {"svg", "rect", "path", "polyline", "circle", "text"}
    assert svg.count("http") == 1  # the name of the format
    # two kinds: a dot a row in each panel, and one of the legend; an unknown precision has none
    assert svg.count("<circle") == 2 * 2 + 2 + (0 if same_people else 3)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "score_thr <" in texts
    assert {"0.3", "0.1", "box", "mask"} <= set(texts)


def test_the_highest_ap_lies_where_the_axis_says():
    row = SweepRow("0.3", True, 1, {"bbox": replace(REFERENCE, ap=0.4, low=0.4, high=0.4)})
    root = ElementTree.fromstring(plot([row], "score_thr"))
    dots = [element for element in root.iter() if element.tag.endswith("circle")]
    frame = next(e for e in root.iter() if e.tag.endswith("rect") and "x" in e.attrib)
    assert dots[0].get("cy") == frame.get("y")
