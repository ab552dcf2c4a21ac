"""Reliability of poses: who is compared with whom, and what counts as come true, by hand.

People have an area of 2500 px² and joints a sigma of 0.05: a joint 5 px off has exp(−1/2).
"""

import math

import numpy as np
import pytest

from mmpose.analysis.partners import find_partners
from mmpose.analysis.pose_reliability import joint_reliability, score_reliability

SIGMAS = [0.05, 0.05]
BOX = [100, 100, 60, 80]  # its crop is 75 x 100 round (130, 140): x 92.5 to 167.5
OFF = math.exp(-0.5)


def person(joints, number=1, bbox=BOX, **fields):
    return {
        "id": number,
        "image_id": 7,
        "category_id": 1,
        "bbox": bbox,
        "area": 2500,
        "iscrowd": 0,
        "keypoints": joints,
        "num_keypoints": sum(flag > 0 for flag in joints[2::3]),
        **fields,
    }


def truth(*people):
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 400, "height": 400}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": list(people),
    }


def pose(joints, score=0.9, **fields):
    return {
        "image_id": 7,
        "category_id": 1,
        "keypoints": joints,
        "score": score,
        "bbox": BOX,
        **fields,
    }


def joint_curves(people, results):
    partners = find_partners(truth(*people), results, "keypoints", sigmas=SIGMAS)
    curves, reasons = joint_reliability(partners, SIGMAS)
    return {curve.name: curve for curve in curves}, reasons


def test_visibility_is_judged_by_seen_and_hidden_joints():
    curves, _ = joint_curves(
        [person([110, 110, 2, 150, 150, 1])],
        [pose([110, 110, 0.8, 150, 150, 0.8], visibility=[0.9, 0.3])],
    )
    curve = curves["visibility"]
    assert (curve.count, curve.confidence, curve.frequency) == (2, pytest.approx(0.6), 0.5)
    assert curve.brier == pytest.approx((0.1**2 + 0.3**2) / 2)
    assert curve.ece == pytest.approx((0.1 + 0.3) / 2)


@pytest.mark.parametrize(
    ("joint", "count", "frequency"),
    [
        pytest.param([150, 150, 2], 2, 1, id="labelled inside the crop"),
        pytest.param([168, 150, 2], 2, 0.5, id="labelled half a pixel outside the crop"),
        pytest.param([150, 150, 3], 2, 0.5, id="annotated as outside"),
        pytest.param([0, 0, 0], 1, 1, id="not labelled: nobody knows"),
    ],
)
def test_presence_is_judged_by_the_crop(joint, count, frequency):
    curves, _ = joint_curves(
        [person([110, 110, 2, *joint])],
        [pose([110, 110, 0.8, *joint[:2], 0.8], presence=[0.9, 0.2])],
    )
    assert (curves["presence"].count, curves["presence"].frequency) == (count, frequency)


@pytest.mark.parametrize(
    ("fields", "confidence"),
    [
        pytest.param({}, 0.7, id="third numbers"),
        pytest.param({"oks": [0.5, 0.3]}, 0.4, id="oks where results have it"),
    ],
)
def test_expected_similarity_is_judged_by_that_reached(fields, confidence):
    curves, _ = joint_curves(
        [person([110, 110, 2, 150, 150, 1])],
        [pose([110, 110, 0.8, 155, 150, 0.6], **fields)],
    )
    curve = curves["expected similarity of a joint"]
    assert curve.confidence == pytest.approx(confidence)
    assert curve.frequency == pytest.approx((1 + OFF) / 2)


def test_the_score_of_a_pose_is_judged_by_its_oks_and_by_0_without_a_person():
    people = [person([110, 110, 2, 150, 150, 2])]
    results = [
        pose([115, 110, 1, 155, 150, 1], 0.9),  # OKS exp(-1/2)
        pose([110, 110, 1, 150, 150, 1], 0.4),  # exact, but its person has a better scored pose
        pose([300, 300, 1, 350, 350, 1], 0.2),
    ]
    partners = find_partners(truth(*people), results, "keypoints", sigmas=SIGMAS)
    assert partners.person.tolist() == [0, -1, -1]
    (curve,), reasons = score_reliability(partners, "keypoints")
    assert curve.brier == pytest.approx(((0.9 - OFF) ** 2 + 0.16 + 0.04) / 3)
    assert not reasons


def test_a_right_pose_comes_before_a_better_scored_poor_one():
    # 10 px off both joints: exp(-2) = 0.135
    results = [
        pose([120, 110, 1, 160, 150, 1], 0.9),
        pose([110, 110, 1, 150, 150, 1], 0.4),
    ]
    people = [person([110, 110, 2, 150, 150, 2])]
    partners = find_partners(truth(*people), results, "keypoints", sigmas=SIGMAS)
    assert partners.person.tolist() == [-1, 0]
    alone = find_partners(truth(*people), results[:1], "keypoints", sigmas=SIGMAS)
    assert alone.similarity == pytest.approx([math.exp(-2)])
    assert not alone.is_right.any()


def test_who_is_on_somebody_who_does_not_count_is_left_out():
    people = [
        person([110, 110, 2, 150, 150, 2]),
        person([0, 0, 0, 0, 0, 0], 2, [300, 300, 40, 40]),
    ]
    results = [pose([110, 110, 1, 150, 150, 1]), pose([310, 310, 1, 320, 320, 1], 0.5)]
    partners = find_partners(truth(*people), results, "keypoints", sigmas=SIGMAS)
    assert partners.counts.tolist() == [True, False]
    (curve,), _ = score_reliability(partners, "keypoints")
    assert (curve.count, curve.frequency) == (1, 1)


def test_nobody_predicted_gives_empty_curves():
    people = [person([110, 110, 2, 150, 150, 2])]
    partners = find_partners(truth(*people), [], "keypoints", sigmas=SIGMAS)
    curves, reasons = joint_reliability(partners, SIGMAS)
    assert [curve.count for curve in curves] == [0, 0, 0]
    assert score_reliability(partners, "keypoints")[0][0].ece is None
    assert not reasons


def test_what_results_lack_or_what_is_no_probability_is_told():
    curves, reasons = joint_curves(
        [person([110, 110, 2, 150, 150, 2])], [pose([110, 110, 1.5, 150, 150, 0.5])]
    )
    assert not curves
    assert reasons == [
        "presence: not every result has it",
        "visibility: not every result has it",
        "expected similarity of a joint: no probability, values from 0.5 to 1.5",
    ]


def test_a_field_of_another_skeleton_is_refused():
    with pytest.raises(ValueError, match="presence of a result of image 7 must be 2 numbers"):
        joint_curves(
            [person([110, 110, 2, 150, 150, 2])],
            [pose([110, 110, 1, 150, 150, 1], presence=[0.5])],
        )


def test_boxes_are_matched_by_iou():
    people = [person([110, 110, 2, 150, 150, 2])]
    half = [*BOX[:3], 40]
    result = {"image_id": 7, "category_id": 1, "bbox": half, "score": 0.5}
    partners = find_partners(truth(*people), [result], "bbox")
    np.testing.assert_allclose(partners.similarity, 0.5)
    (curve,), _ = score_reliability(partners, "bbox")
    assert (curve.name, curve.ece) == ("score as expected IoU", 0)


def test_equal_boxes_are_no_more_than_alike():
    bbox = [191.5, 81.7, 13.3, 5.9]  # as floats, their IoU is above 1
    people = [person([110, 110, 2, 150, 150, 2], bbox=bbox)]
    result = {"image_id": 7, "category_id": 1, "bbox": bbox, "score": 0.5}
    assert find_partners(truth(*people), [result], "bbox").similarity.tolist() == [1.0]
