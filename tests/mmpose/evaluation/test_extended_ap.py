"""Ex-AP against published numbers, pycocotools where the rules agree, and worked examples."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from mmpose.datasets import parse_pose_metainfo
from mmpose.evaluation import ExtendedRules, extended_keypoint_ap, keypoint_ap
from mmpose.evaluation.extended_oks import People, edit_visibility

DATA = Path(__file__).parents[2] / "data" / "eval"
SIGMAS = parse_pose_metainfo({"from_file": "coco.py"})["sigmas"]
STANDARD = ExtendedRules(extended=False)


def read(name):
    return json.loads((DATA / name).read_text())


# joint 0 inside the box, joint 1 far to its right; the window of the box is 93.75 x 125 from
# (3.125, -2.5) to (96.875, 122.5)
BOX = [20.0, 10.0, 60.0, 100.0]
INSIDE, OUTSIDE = [50.0, 60.0], [300.0, 60.0]
AREA = 2500.0


def person(*joints, **changes):
    joints = [[*point, level] for point, level in joints] + [[0, 0, 0]] * (17 - len(joints))
    flat = [number for joint in joints for number in joint]
    fields = {"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX, "area": AREA}
    return {**fields, "keypoints": flat, **changes}


def ground_truth(*people):
    return {"images": [{"id": 1}, {"id": 2}], "annotations": list(people)}


def detection(*joints, **changes):
    return {**person(*joints), "score": 1.0, **changes}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(
            STANDARD,
            {
                **{"AP": 0.86089, "AP (v=1)": 0.518152, "AP (v=2)": 0.935002, "AP .5": 0.993145},
                **{"AP .75": 0.910891, "AP (M)": 0.775578, "AP (L)": 0.937252, "AR": 0.875},
                **{"OKS": 0.961646},
            },
            id="standard",
        ),
        pytest.param(
            ExtendedRules(),
            {
                **{"AP": 0.746119, "AP (v=1)": 0.389439, "AP (v=2)": 0.790939, "AP .5": 0.910891},
                **{"AP .75": 0.824482, "AP (M)": 0.70297, "AP (L)": 0.792079, "AR": 0.758333},
                **{"OKS": 0.944242},
            },
            id="extended",
        ),
    ],
)
def test_published_numbers(rules, expected):
    gt, detections = read("example_coco_val.json"), read("example_coco_preds.json")
    numbers = extended_keypoint_ap(gt, detections, SIGMAS, rules)
    assert {name: numbers[name] for name in expected} == pytest.approx(expected, abs=2e-6)
    assert "AP (v=3)" not in numbers


def perturbed(gt, seed):
    """Detections that are near, far, doubled and missing people."""
    rng = np.random.default_rng(seed)
    detections = []
    for someone in gt["annotations"] * 2:
        joints = np.array(someone["keypoints"], float).reshape(17, 3)
        x, y, width, height = someone["bbox"]
        joints[joints[:, 2] == 0, :2] = [x, y] + rng.random((sum(joints[:, 2] == 0), 2)) * width
        spread = rng.choice([0.005, 0.02, 0.05, 0.3]) * height
        joints[:, :2] += rng.normal(size=(17, 2)) * spread
        if rng.random() < 0.9:
            detections.append(
                {
                    **{key: someone[key] for key in ("image_id", "category_id")},
                    "keypoints": joints.ravel().tolist(),
                    "score": round(float(rng.random()), 1),  # many equal ones
                    "bbox": [x, y, width * rng.uniform(0.5, 1.5), height],
                }
            )
    return detections


@pytest.mark.parametrize("seed", range(8))
def test_without_crowds_the_standard_rules_are_pycocotools(seed):
    gt = read("example_coco_val.json")
    detections = perturbed(gt, seed)
    expected = keypoint_ap(gt, detections, SIGMAS)
    # of one size, images may have nobody: there the rules differ
    expected = {name: value for name, value in expected.items() if "(" not in name}
    numbers = extended_keypoint_ap(gt, detections, SIGMAS, STANDARD)
    assert {name: numbers[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def evaluate(gt, *detections, **rules):
    return extended_keypoint_ap(gt, detections, SIGMAS, ExtendedRules(**rules))


def test_intervals_are_of_drawn_images():
    """One of two people is found, each on an image of its own: draws give 0, 51 / 101 and 1."""
    people = person((INSIDE, 2)), person((INSIDE, 1), id=2, image_id=2)
    numbers = extended_keypoint_ap(
        ground_truth(*people), [detection((INSIDE, 0.9))], SIGMAS, ExtendedRules(), intervals=True
    )
    assert numbers["AP"] == pytest.approx(51 / 101)
    assert (numbers["AP_low"], numbers["AP_high"]) == (0, 1)
    # whoever has the level is found wherever he is drawn, or never
    assert (numbers["AP (v=2)_low"], numbers["AP (v=2)_high"]) == (1, 1)
    assert (numbers["AP (v=1)_low"], numbers["AP (v=1)_high"]) == (0, 0)
    assert numbers["AP (L)_low"] == -1
    assert "AR_low" not in numbers


def test_absent_joints_must_be_called_absent():
    gt = ground_truth(person((INSIDE, 2), (OUTSIDE, 3)))
    right = detection((INSIDE, 0.9), ([60.0, 60.0], 0.1))
    assert evaluate(gt, right) == pytest.approx(
        dict.fromkeys(evaluate(gt, right), 1.0) | {"AP (L)": -1, "AR (L)": -1}
    )
    # called present at (60, 60): 36.875 px from the right border, 62.5 from both others
    wrong = detection((INSIDE, 0.9), ([60.0, 60.0], 0.9))
    d2 = 36.875**2 + 62.5**2
    similarity = (1 + math.exp(-d2 / (2 * SIGMAS[1]) ** 2 / AREA / 2)) / 2
    assert 0.5 <= similarity < 0.55
    numbers = evaluate(gt, wrong)
    assert numbers["AP"] == pytest.approx(0.1)  # right at 0.5 alone
    assert numbers["AP (v=2)"] == 1.0
    assert numbers["AP (v=3)"] == 0.0


def test_present_joints_must_not_be_called_absent():
    gt = ground_truth(person((INSIDE, 2), ([50.0, 62.0], 2)))
    numbers = evaluate(gt, detection((INSIDE, 0.9), ([50.0, 62.0], 0.1)))
    assert numbers["AP"] == pytest.approx(0.1)
    assert evaluate(gt, detection((INSIDE, 0.9), ([50.0, 62.0], 0.1)), confidence_thr=0.05)[
        "AP"
    ] == pytest.approx(1.0)


def test_a_joint_marked_outside_counts_as_occluded_where_the_window_holds_it():
    gt = ground_truth(person((INSIDE, 3)))
    numbers = evaluate(gt, detection((INSIDE, 0.9)))
    assert numbers["AP (v=1)"] == pytest.approx(1.0)
    assert "AP (v=3)" not in numbers
    # the standard rules do not look at it: nobody is annotated
    assert evaluate(gt, detection((INSIDE, 0.9)), extended=False)["AP"] == -1


def test_levels_of_seen_joints_stay_and_those_outside_become_hidden_in_the_window():
    joints = [INSIDE, INSIDE, INSIDE, INSIDE, OUTSIDE, OUTSIDE]
    levels = edit_visibility(
        People(
            keypoints=np.array([joints]),
            visible=np.array([[0, 1, 2, 3, 2, 0]]),
            bboxes=np.array([[10.0, 10.0, 50.0, 50.0]]),
            areas=np.array([1600.0]),
            paddings=np.array([[-1.0, 1.0, 1.0, 1.0, 2.0, 2.0]]),
        ),
        ExtendedRules(),
    )
    assert levels.tolist() == [[0, 1, 2, 1, 3, 0]]


def test_levels_that_skip_one_are_no_problem():
    gt = ground_truth(person((INSIDE, 2), (OUTSIDE, 3)))
    assert [name for name in evaluate(gt) if "v=" in name] == ["AP (v=2)", "AP (v=3)"]


def test_people_in_crowds_count_and_strangers_elsewhere_do_not():
    gt = ground_truth(person((INSIDE, 2), iscrowd=1))
    stranger = detection((INSIDE, 0.9), image_id=2, score=2.0)
    numbers = evaluate(gt, detection((INSIDE, 0.9)), stranger, extended=False)
    assert numbers["AP"] == pytest.approx(1.0)
    assert numbers["OKS"] == pytest.approx(1.0)


def test_boxes_may_decide_who_is_meant():
    near = person((INSIDE, 2))
    far_box = person(([50.5, 60.0], 2), id=2, bbox=[120.0, 10.0, 60.0, 100.0])
    gt = ground_truth(near, far_box)
    # the pose of the second person with the box of the first
    pose = detection(([50.5, 60.0], 0.9))
    by_pose = evaluate(gt, pose, extended=False)
    by_box = evaluate(gt, pose, extended=False, match_by_bbox=True)
    assert by_pose["OKS"] == pytest.approx(1.0)
    expected = math.exp(-(0.5**2) / (2 * SIGMAS[0]) ** 2 / AREA / 2)
    assert by_box["OKS"] == pytest.approx(expected)
    elsewhere = {**pose, "bbox": [500.0, 10.0, 60.0, 100.0]}
    assert evaluate(gt, elsewhere, extended=False, match_by_bbox=True)["AP"] == 0


def test_joints_on_the_border_can_be_left_out():
    border = [22.0, 60.0]  # 2 px from the left side, 5 % of the width is 3
    gt = ground_truth(person((INSIDE, 2), (border, 2)))
    off = detection((INSIDE, 0.9), ([42.0, 60.0], 0.9))
    assert evaluate(gt, off, extended=False)["AP"] < 0.2
    assert evaluate(gt, off, extended=False, ignore_border_points=True)["AP"] == 1.0


def test_nobody_found_and_nobody_there():
    numbers = evaluate(ground_truth(person((INSIDE, 2))))
    assert numbers["AP"] == numbers["AR"] == 0
    assert numbers["OKS"] == -1
    with pytest.raises(ValueError, match="no single person with a labelled joint"):
        evaluate(ground_truth(), detection((INSIDE, 0.9)))


def test_what_does_not_fit_is_refused():
    gt = ground_truth(person((INSIDE, 2)))
    with pytest.raises(ValueError, match="expected 51 numbers for 17 keypoints, got 42"):
        evaluate(gt, detection(keypoints=[0.0] * 42))
    with pytest.raises(ValueError, match="not among the 2 of the annotations, such as 9"):
        evaluate(gt, detection((INSIDE, 2), image_id=9))


def test_annotated_paddings_decide_who_is_outside():
    """A joint in the middle of the box that its annotation declares to be outside, and back."""
    declared = [2.0] + [-1.0] * 16
    gt = ground_truth(person((INSIDE, 2), pad_to_contain=declared))
    assert [name for name in evaluate(gt) if "v=" in name] == ["AP (v=3)"]
    gt = ground_truth(person((OUTSIDE, 3), pad_to_contain=[1.0] + [-1.0] * 16))
    assert [name for name in evaluate(gt) if "v=" in name] == ["AP (v=1)"]
    with pytest.raises(ValueError, match="must have one number for each of 17 joints"):
        evaluate(ground_truth(person((INSIDE, 2), pad_to_contain=2.0)))
