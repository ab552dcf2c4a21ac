"""An evaluation explained: the worst images by hand, what the JSON holds, nobody predicted."""

import json

import pytest

from mmpose.analysis.explanation import explain
from mmpose.datasets.coco_file import complete_annotations
from tests.mmpose.analysis.small_world import (
    EVIL_NAME,
    LEFT,
    person,
    predictions,
    result,
    truth,
)

TYPES = ("keypoints", "bbox", "segm")


@pytest.mark.parametrize("iou_type", TYPES)
def test_the_worst_images_come_first_and_perfect_ones_not_at_all(iou_type):
    worst = explain(truth(), predictions(), iou_type).worst
    numbers = [(w.image_id, w.people, w.found, w.wrong, w.shortfall) for w in worst]
    # both fall short by one person; image 2 has a wrong result too
    assert numbers == [(2, 1, 0, 1, 1.0), (1, 2, 1, 0, pytest.approx(1.0))]
    assert worst[0].file_name == EVIL_NAME


def test_a_box_that_is_half_right_falls_short_by_half():
    results = [*predictions(), result(2, [*LEFT[:3], 80], 0.5)]
    worst = explain(truth(), results, "bbox", num_worst=2).worst
    assert [(w.image_id, w.shortfall) for w in worst] == [
        (1, pytest.approx(1.0)),
        (2, pytest.approx(0.5)),
    ]


def test_people_who_do_not_count_are_nobody_to_be_lost():
    content = truth()
    content["annotations"].append(person(5, 3, [0, 200, 100, 100], iscrowd=1))
    assert [w.image_id for w in explain(content, predictions(), "bbox").worst] == [2, 1]


def test_of_several_categories_people_alone_have_worst_images():
    content = truth()
    content["categories"].append({"id": 2, "name": "horse"})
    content["annotations"].append(person(5, 3, [0, 200, 90, 90], category_id=2))
    results = [*predictions(), {**result(1, [0, 200, 90, 90], 0.9), "category_id": 2}]
    explanation = explain(content, results, "bbox")
    assert explanation.errors.num_true == 5
    assert [(w.image_id, w.people, w.wrong) for w in explanation.worst] == [(2, 1, 1), (1, 2, 0)]


@pytest.mark.parametrize("iou_type", TYPES)
def test_numbers_are_plain_json(iou_type):
    explanation = explain(truth(), predictions(), iou_type)
    content = json.loads(json.dumps(explanation.to_dict(), allow_nan=False))
    assert content["numbers"]["AP"] == pytest.approx(explanation.numbers["AP"])
    assert (content["region_errors"] is None) == (iou_type == "keypoints")
    assert (content["pose_errors"] is None) == (iou_type != "keypoints")
    assert len(content["slices"]) == (3 if iou_type == "keypoints" else 0)
    assert len(content["joints"]) == (17 if iou_type == "keypoints" else 0)
    assert len(content["reliability"]) == (4 if iou_type == "keypoints" else 1)


def test_joints_tell_what_they_reach_where_they_are_labelled():
    content = truth()
    content["annotations"][0]["keypoints"][2] = 0  # the nose of the person who is found
    rows = explain(content, predictions(), "keypoints").joints
    assert rows[0]["joint"] == "nose"
    assert [row["labelled"] for row in rows[:2]] == [1, 2]
    assert rows[1]["similarity"] == pytest.approx(1)
    assert rows[1]["confidence"] == pytest.approx(0.8)
    assert rows[1]["good"] == 1


def test_of_poses_the_gains_in_turn_add_up_to_all_that_lacks():
    errors = explain(truth(), predictions(), "keypoints").pose_errors
    # two of four are found; the other two have no pose, one pose is of nobody
    assert (errors.counts["not found"], errors.counts["background"]) == (2, 1)
    assert errors.ap + sum(errors.in_turn.values()) == pytest.approx(1)


@pytest.mark.parametrize("iou_type", TYPES)
def test_nobody_predicted_is_told_and_not_refused(iou_type):
    explanation = explain(truth(), [], iou_type)
    assert explanation.numbers["AP"] == 0
    assert [w.image_id for w in explanation.worst] == [1, 2, 3]
    assert "AP 0.000000" in explanation.told()
    if iou_type != "keypoints":
        assert explanation.errors.counts["missed"] == 4
        assert explanation.errors.costs["missed"] == 1


def test_a_longer_skeleton_is_cut_with_all_that_it_says_of_joints():
    longer = [
        {
            **one,
            "keypoints": one["keypoints"] + [0, 0, 0.1] * 4,
            "presence": one["presence"] + [0.1] * 4,
            "visibility": one["visibility"] + [0.1] * 4,
        }
        for one in predictions()
    ]
    plain = explain(truth(), predictions(), "keypoints").to_dict()
    assert explain(truth(), longer, "keypoints").to_dict() == plain


def test_other_kinds_are_refused():
    with pytest.raises(ValueError, match="iou_type must be one of"):
        explain(complete_annotations(truth()), [], "panoptic")
