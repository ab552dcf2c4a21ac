"""Kinds of errors of boxes and masks, worked out by hand from the rules of TIDE.

AP reads precision at the 101 recalls 0, 0.01 ... 1. With two people, finding one reaches the 51
recalls up to 0.5.
"""

import json
from pathlib import Path

import pytest

from mmpose.analysis.region_errors import region_errors

SHARED = Path(__file__).parents[4] / "shared" / "data" / "eval_fixtures" / "cocoapi_val2014_100"
SIDE = 1000
FIRST, SECOND = [0, 0, 100, 100], [500, 500, 100, 100]
NARROW = [0, 0, 100, 40]  # IoU 0.4 with FIRST
NARROWER = [0, 0, 100, 45]
HALF = 51 / 101


def polygon(bbox):
    x, y, w, h = bbox
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def truth(*bboxes, crowds=(), categories=None):
    people = [(bbox, 0) for bbox in bboxes] + [(bbox, 1) for bbox in crowds]
    kinds = categories or [1] * len(people)
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": SIDE, "height": SIDE}],
        "categories": [
            {"id": n, "name": "person" if n == 1 else "horse"} for n in sorted(set(kinds))
        ],
        "annotations": [
            {
                "id": n,
                "image_id": 7,
                "category_id": kinds[n],
                "bbox": bbox,
                "area": bbox[2] * bbox[3],
                "segmentation": polygon(bbox),
                "iscrowd": is_crowd,
            }
            for n, (bbox, is_crowd) in enumerate(people)
        ],
    }


def result(bbox, score, category=1):
    return {
        "image_id": 7,
        "category_id": category,
        "bbox": bbox,
        "segmentation": {"size": [SIDE, SIDE], "counts": runs(bbox)},
        "score": score,
    }


def runs(bbox):
    """Uncompressed run lengths of a rectangle, column by column."""
    x, y, w, h = bbox
    counts = [x * SIDE + y]
    for _ in range(w - 1):
        counts += [h, SIDE - h]
    return [*counts, h, SIDE * SIDE - sum(counts) - h]


NOTHING = dict.fromkeys(
    ("classification", "localisation", "both", "duplicate", "background", "missed"), 0
)


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize(
    ("people", "results", "ap", "counts", "costs"),
    [
        pytest.param([FIRST], [(FIRST, 0.9)], 1, {}, {}, id="perfect"),
        pytest.param(
            [FIRST],
            [(SECOND, 0.9), (FIRST, 0.8)],
            1 / 2,
            {"background": 1},
            {"background": 1 / 2, "false positives": 1 / 2},
            id="background ranks above the person: precision 1/2 everywhere",
        ),
        pytest.param(
            [FIRST, SECOND],
            [(FIRST, 0.9)],
            HALF,
            {"missed": 1},
            {"missed": 1 - HALF, "false negatives": 1 - HALF},
            id="one of two is missed",
        ),
        pytest.param(
            [FIRST, SECOND],
            [(NARROW, 0.9), (SECOND, 0.8)],
            HALF / 2,
            {"localisation": 1},
            {
                "localisation": 1 - HALF / 2,
                "false positives": HALF / 2,
                # one person is left, found with precision 1/2
                "false negatives": 1 / 2 - HALF / 2,
            },
            id="a narrow box above a right one: precision 1/2 to recall 1/2",
        ),
        pytest.param(
            [FIRST, SECOND],
            [(FIRST, 0.9), (FIRST, 0.8), (SECOND, 0.7)],
            (51 + 50 * 2 / 3) / 101,
            {"duplicate": 1},
            {"duplicate": 50 / 3 / 101, "false positives": 50 / 3 / 101},
            id="a duplicate between two right ones: precision 2/3 from recall 0.51",
        ),
        pytest.param(
            [FIRST],
            [(NARROW, 0.9), (NARROWER, 0.8)],
            0,
            {"localisation": 2},
            {"localisation": 1, "false negatives": 1},
            id="two narrow ones of one person: repaired, the second is dropped",
        ),
        pytest.param(
            [FIRST],
            [(NARROW, 0.9), (FIRST, 0.8)],
            1 / 2,
            {"localisation": 1},
            {"localisation": 1 / 2, "false positives": 1 / 2},
            id="the person of the narrow one is found: repaired, it is dropped",
        ),
        pytest.param(
            [FIRST, SECOND],
            [],
            0,
            {"missed": 2},
            {"missed": 1, "false negatives": 1},
            id="nobody predicted",
        ),
        pytest.param(
            [FIRST],
            [(SECOND, 0.9)],
            0,
            {"missed": 1, "background": 1},
            {"missed": 1, "false negatives": 1},
            id="only background: dropping it alone finds nobody",
        ),
    ],
)
def test_errors_have_the_kind_and_cost_worked_out_by_hand(
    iou_type, people, results, ap, counts, costs
):
    errors = region_errors(truth(*people), [result(*r) for r in results], iou_type)
    assert errors.ap == pytest.approx(ap)
    assert errors.counts == NOTHING | counts
    expected = {**NOTHING, "false positives": 0, "false negatives": 0, **costs}
    assert errors.costs == pytest.approx(expected, abs=1e-9)
    assert errors.num_true == len(people)


@pytest.mark.parametrize(
    ("bbox", "count"),
    [
        pytest.param([520, 520, 50, 50], 0, id="inside the crowd"),
        # 30 % of it lie in the crowd, so COCO counts it as wrong; it is nobody's narrow box
        pytest.param([430, 500, 100, 100], 1, id="beside the crowd"),
    ],
)
def test_a_crowd_is_nobody_to_be_localised(bbox, count):
    content = truth(FIRST, crowds=[[500, 500, 400, 400]])
    errors = region_errors(content, [result(bbox, 0.9), result(FIRST, 0.8)], "bbox")
    assert errors.counts == NOTHING | {"background": count}
    assert errors.ap == pytest.approx(1 / 2 if count else 1)
    assert errors.costs["background"] == pytest.approx(1 / 2 if count else 0)


def test_another_category_on_a_person_is_an_error_of_classification():
    content = truth(FIRST, SECOND, categories=[1, 2])
    results = [result(FIRST, 0.9, 2), result(SECOND, 0.8, 2), result(SECOND, 0.1, 1)]
    errors = region_errors(content, results, "bbox")
    assert errors.counts == NOTHING | {"classification": 2}
    # category 1 has 0, category 2 a precision of 1/2; the last one's person is found already
    assert errors.ap == pytest.approx(1 / 4)
    assert errors.costs["classification"] == pytest.approx(3 / 4)


def test_the_table_names_every_kind_once():
    rows = region_errors(truth(FIRST), [result(FIRST, 0.9)], "bbox").table()
    assert [row["error"] for row in rows] == [*NOTHING, "false positives", "false negatives"]
    assert [row["count"] for row in rows] == [0] * 6 + [None] * 2


def test_other_kinds_of_evaluation_are_refused():
    with pytest.raises(ValueError, match="iou_type must be one of"):
        region_errors(truth(FIRST), [], "keypoints")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
@pytest.mark.parametrize(("iou_type", "ap"), [("bbox", 0.696973), ("segm", 0.562288)])
def test_errors_are_those_of_the_published_average_precision(iou_type, ap):
    content, results = (
        json.loads((SHARED / name).read_text())
        for name in (
            "instances_val2014_100.json",
            f"instances_val2014_fake{iou_type}100_results.json",
        )
    )
    assert region_errors(content, results, iou_type).ap == pytest.approx(ap, abs=2e-6)
