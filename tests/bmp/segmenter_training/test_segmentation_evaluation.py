"""Cutting out annotated people and predicted poses, and what that scores."""

import json

import numpy as np
import pytest
import torch

from bmp.segmenter_training import PoseSAM, PoseSegDataset, PromptedMaskMetric
from mmpose.structures.mask import mask_to_rle
from tests.bmp.segmenter_training.two_people import batch, dataset
from tests.bmp.tiny_sam import TINY

RESULT = {"image_id": 7, "category_id": 1, "bbox": [4, 5, 20, 30], "score": 0.5}


def box_rle(x, y, w, h, shape=(40, 60)):
    mask = np.zeros(shape, bool)
    mask[y : y + h, x : x + w] = True
    return mask_to_rle(mask)


def a_truth(box, ignore=False, has_mask=True):
    return {
        "bbox": [float(number) for number in box],
        "area": box[2] * box[3],
        "is_person": not ignore,
        "ignore": ignore or not has_mask,
        "rle": box_rle(*box) if has_mask else None,
    }


def a_sample(truths, answers, truth_index, img_id=1, **fields):
    """Truths and answers as boxes (x, y, w, h); answers with score and whether prompted."""
    return {
        "img_id": img_id,
        "ori_shape": (40, 60),
        "resized": False,
        "unreadable": False,
        "truths": [a_truth(*truth) for truth in truths],
        "truth_index": truth_index,
        "pred_masks": {
            1: {
                "rles": [box_rle(*box) for box, _, _ in answers],
                "scores": [score for _, score, _ in answers],
                "is_prompted": [prompted for _, _, prompted in answers],
            }
        },
    } | fields


def measure(*samples):
    metric = PromptedMaskMetric()
    metric.process(None, samples)
    return metric.compute_metrics(metric.results)


LEFT, RIGHT, OVER = (2, 2, 10, 20), (40, 2, 10, 20), (5, 2, 10, 20)  # LEFT and OVER: 7 of 13


def test_perfect_masks_score_one():
    sample = a_sample(
        [(LEFT, False), (RIGHT, False)], [(LEFT, 0.9, True), (RIGHT, 0.8, True)], [0, 1]
    )
    numbers = measure(sample)
    assert numbers["AP_1"] == numbers["AP50_1"] == pytest.approx(1)
    assert numbers["IoU_1"] == 1
    assert np.isnan(numbers["crowd_AP_1"])
    assert np.isnan(numbers["crowd_IoU_1"])


def test_a_crowd_is_measured_apart():
    truths = [(LEFT, False), (OVER, False), (RIGHT, False)]
    answers = [(LEFT, 0.9, True), (LEFT, 0.8, True), (RIGHT, 0.7, True)]
    numbers = measure(a_sample(truths, answers, [0, 1, 2]))
    shared = 7 / 13  # of the second, whose mask is the first one's
    assert numbers["IoU_1"] == pytest.approx((1 + shared + 1) / 3)
    assert numbers["crowd_IoU_1"] == pytest.approx((1 + shared) / 2)
    assert numbers["crowd_AP50_1"] == pytest.approx(1)  # at 0.5 both are found


def test_people_whom_the_prompt_cannot_show_are_ignored():
    truths = [(LEFT, False), (RIGHT, False)]
    numbers = measure(a_sample(truths, [(LEFT, 0.9, True), (OVER, 0.8, False)], [0, 1]))
    assert numbers["AP_1"] == pytest.approx(1)
    assert numbers["IoU_1"] == 1


def test_predicted_poses_count_misses_false_alarms_and_ignore_crowd_regions():
    truths = [(LEFT, False), (RIGHT, False), ((20, 30, 10, 8), True)]
    found = measure(a_sample(truths, [(LEFT, 0.9, True), ((20, 30, 10, 8), 0.95, True)], [-1, -1]))
    # one of two people, and what lies in the crowd region is no false alarm: recall 1/2
    assert found["AP50_1"] == pytest.approx(51 / 101)
    assert found["IoU_1"] == pytest.approx(0.5)
    alarmed = measure(a_sample(truths, [(LEFT, 0.9, True), ((20, 2, 9, 9), 0.95, True)], [-1, -1]))
    assert alarmed["AP50_1"] == pytest.approx(0.5 * 51 / 101)


def test_an_image_without_poses_is_a_miss():
    empty = a_sample([(LEFT, False)], [], [], img_id=2)
    full = a_sample([(LEFT, False)], [(LEFT, 0.9, True)], [-1])
    numbers = measure(full, empty)
    assert numbers["AP50_1"] == pytest.approx(51 / 101)
    assert numbers["IoU_1"] == 0.5
    assert measure(empty)["AP_1"] == 0


def test_annotated_people_are_cut_out_for_every_number_of_joints(folder):
    model = PoseSAM(TINY, eval_counts=(1, 3, "bbox")).eval()
    inputs, samples = batch(folder, with_originals=True)
    with torch.no_grad():
        answered = model(inputs, samples, mode="predict")
    assert list(answered[0].pred_masks) == [1, 3, "bbox"]
    for answer in answered[1].pred_masks.values():
        assert [rle["size"] for rle in answer["rles"]] == [[40, 60]] * 2
        assert answer["is_prompted"] == [True, True]
    numbers = measure(*[sample.to_dict() for sample in answered])
    assert set(numbers) >= {"AP_1", "AP_3", "IoU_3", "crowd_AP_bbox"}


def test_the_box_prompt_shows_boxes_alone(folder):
    """Whatever eval_prompting says of joints, points outside and crowds, or who else is there."""
    torch.manual_seed(0)
    plain = PoseSAM(TINY, eval_counts=("bbox",)).eval()
    prompting = {"num_neg_keypoints": 2, "crowd_by_max_iou": 0.0, "num_pos_keypoints_if_crowd": 3}
    other = PoseSAM(TINY, eval_counts=(1, "bbox"), eval_prompting=prompting).eval()
    other.load_state_dict(plain.state_dict())
    inputs, samples = batch(folder, 1, with_originals=True)
    with torch.no_grad():
        expected = plain(inputs, samples, mode="predict")[0].pred_masks
        answers = other(inputs, samples, mode="predict")[0].pred_masks
    assert answers["bbox"] == expected["bbox"]
    assert answers[1]["scores"] != answers["bbox"]["scores"]
    samples[0].people = samples[0].people[:1]
    with torch.no_grad():
        [alone] = plain(inputs, samples, mode="predict")
    assert alone.pred_masks["bbox"]["rles"] == expected["bbox"]["rles"][:1]
    assert alone.pred_masks["bbox"]["scores"] == pytest.approx(expected["bbox"]["scores"][:1])


def write_poses(folder, *poses):
    (folder / "poses.json").write_text(json.dumps([RESULT | pose for pose in poses]))


def test_poses_of_a_result_file_are_cut_out(folder):
    seen, unsure = [14, 20, 0.9], [10, 12, 0.1]
    write_poses(folder, {"keypoints": seen + unsure * 16}, {"keypoints": unsure * 17})
    model = PoseSAM(TINY, eval_counts=(1,), eval_prompting={"confidence_thr": 0.5}).eval()
    options = {"with_originals": True, "pose_file": "poses.json", "test_mode": True}
    inputs, [sample] = batch(folder, 1, **options)
    assert sample.truth_index == [-1, -1]
    assert len(sample.truths) == 2
    torch.testing.assert_close(sample.people.bboxes[0], torch.tensor([4.0, 5, 24, 35]))
    with torch.no_grad():
        [answered] = model(inputs, [sample], mode="predict")
    answer = answered.pred_masks[1]
    assert answer["is_prompted"] == [True, False]
    assert 0 < answer["scores"][0] <= 0.5  # at most the person's own


def test_images_without_poses_are_evaluated_too(folder):
    write_poses(folder)
    options = {"with_originals": True, "pose_file": "poses.json", "test_mode": True}
    model = PoseSAM(TINY, eval_counts=(1,)).eval()
    inputs, samples = batch(folder, 1, **options)
    with torch.no_grad():
        [answered] = model(inputs, samples, mode="predict")
    assert answered.pred_masks[1] == {"rles": [], "scores": [], "is_prompted": []}
    assert measure(answered.to_dict())["AP_1"] == 0


def test_boxes_of_a_result_file_are_cut_out(folder):
    """Detections, also of other things than people; poses without a box have that of the joints."""
    bbox, pose = [4, 5, 20, 30], [14, 20, 0.9, 30, 25, 0.2] + [0, 0, 0] * 15
    records = [
        {"image_id": 7, "score": 0.5, "category_id": 1, "bbox": bbox},
        {"image_id": 7, "score": 0.5, "category_id": 18, "bbox": bbox},
        {"image_id": 7, "score": 0.5, "keypoints": pose},
    ]
    (folder / "poses.json").write_text(json.dumps(records))
    options = {"with_originals": True, "pose_file": "poses.json", "test_mode": True}
    inputs, samples = batch(folder, 1, **options)
    assert samples[0].people.bboxes.tolist() == [[4, 5, 24, 35], [14, 20, 30, 25]]
    model = PoseSAM(TINY, eval_counts=("bbox", 1)).eval()
    with torch.no_grad():
        [answered] = model(inputs, samples, mode="predict")
    assert answered.pred_masks["bbox"]["is_prompted"] == [True, True]
    assert answered.pred_masks[1]["is_prompted"] == [False, True]


@pytest.mark.parametrize(
    ("pose", "message"),
    [
        pytest.param({"image_id": 8}, "name 1 images that are not among the 1 of .* 8", id="image"),
        pytest.param({"bbox": [1, 2, 3]}, "result 0, .* bbox has 3 numbers", id="box"),
        pytest.param({"visibility": [1.0]}, "visibility of result 0 .* has 1 num", id="visibility"),
        pytest.param({"keypoints": [1, 2, float("nan")] * 17}, "result 0.* finite", id="nan"),
        pytest.param({"score": float("nan")}, "result 0.* score must be finite", id="nan score"),
        pytest.param({"keypoints": [1, 2, 0.5] * 14}, "14 keypoints, the metainfo 17", id="joints"),
        pytest.param({"bbox": None, "keypoints": None}, "neither bbox nor keypoints", id="nothing"),
    ],
)
def test_malformed_poses_are_refused(folder, pose, message):
    write_poses(folder, {"keypoints": [14, 20, 0.9] * 17} | pose)
    with pytest.raises(ValueError, match=message):
        dataset(folder, pose_file="poses.json", test_mode=True)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"image_id": "7"}, id="image id as text"),
        pytest.param({"category_id": 0}, id="people are 0"),
        pytest.param({"category_id": "1"}, id="category as text"),
        pytest.param({"bbox": ["4", "5", "20", "30"], "score": "0.5"}, id="numbers as text"),
        pytest.param({"keypoints": [[14, 20, 0.9]] * 17}, id="joints in triples"),
        pytest.param({"visibility": None}, id="no visibility"),
    ],
)
def test_poses_said_otherwise_are_the_same(folder, said):
    plain = {"keypoints": [14, 20, 0.9] * 17}
    write_poses(folder, plain)
    [expected] = dataset(folder, pose_file="poses.json", test_mode=True).get_data_info(0)["people"]
    write_poses(folder, plain | said)
    [found] = dataset(folder, pose_file="poses.json", test_mode=True).get_data_info(0)["people"]
    assert found == expected


def test_a_pose_without_score_is_refused(folder):
    (folder / "poses.json").write_text(json.dumps([{"image_id": 7}]))
    with pytest.raises(ValueError, match=r"result 0 lacks \['score'\]"):
        dataset(folder, pose_file="poses.json", test_mode=True)


def test_poses_are_for_tests_only(folder):
    with pytest.raises(ValueError, match="set test_mode=True"):
        dataset(folder, pose_file="poses.json")


def test_joints_of_another_file_are_attached(folder):
    """CIHP: masks without joints, poses of a model by box."""
    content = json.loads((folder / "annotations.json").read_text())
    for annotation in content["annotations"]:
        del annotation["keypoints"]
    (folder / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"of 2 annotations \(2 without a labelled joint\)"):
        dataset(folder, needs_keypoints=True)
    for pose, message in (
        ({"keypoints": [14, 20, 0.9] * 14}, "poses of 14 joints, .* the metainfo 17"),
        ({"keypoints": [14, 20, 0.9] * 17, "visibility": [1.0]}, "visibility of 1 joints and 17"),
        ({"keypoints": [14, 20, 0.9] * 17, "image_id": 8}, "not among the 1 of"),
        ({}, r"lacks \['keypoints'\]"),
    ):
        write_poses(folder, pose)
        with pytest.raises(ValueError, match=message):
            dataset(folder, keypoints_file="poses.json")
    write_poses(folder, {"keypoints": [14, 20, 0.9] * 17, "visibility": [0.8] + [0.2] * 16})
    people = dataset(folder, needs_keypoints=True, keypoints_file="poses.json")[0]
    people = people["data_samples"].gt_instances
    assert len(people) == 1  # the other has no pose
    assert people.keypoint_flags[0].tolist() == [2] + [1] * 16
    assert people.visibility[0].tolist() == [1] + [0.5] * 16


def test_crowd_regions_are_no_people(folder):
    content = json.loads((folder / "annotations.json").read_text())
    content["annotations"][1]["iscrowd"] = 1
    (folder / "annotations.json").write_text(json.dumps(content))
    _, [sample] = batch(folder, 1, with_originals=True)
    assert [truth["ignore"] for truth in sample.truths] == [False, True]
    assert sample.truth_index == [0]


def test_only_people_are_read_of_a_file_with_more_categories(folder):
    content = json.loads((folder / "annotations.json").read_text())
    content["annotations"][1]["category_id"] = 18
    content["categories"].append({"id": 18, "name": "dog"})
    (folder / "annotations.json").write_text(json.dumps(content))
    _, [sample] = batch(folder, 1, with_originals=True)
    assert len(sample.truths) == len(sample.people) == 1


def test_unreadable_images_are_missed_in_a_test(folder):
    (folder / "images" / "a.png").write_bytes(b"cut off")
    _, [sample] = batch(folder, 1, with_originals=True, test_mode=True)
    assert len(sample.people) == 0
    assert [truth["ignore"] for truth in sample.truths] == [False, False]
    assert sample.unreadable


def test_a_skeleton_of_another_size_is_refused(folder):
    content = json.loads((folder / "annotations.json").read_text())
    content["annotations"][0]["keypoints"] = [1, 1, 2]
    (folder / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="1 keypoints, the metainfo 17"):
        dataset(folder)


def test_the_reader_reads_ochuman():
    from pathlib import Path

    root = Path(__file__).parents[4] / "shared" / "data" / "mmpose_fixtures" / "ochuman"
    if not root.is_dir():
        pytest.skip(f"needs {root}")
    people = PoseSegDataset(ann_file="test_ochuman.json", data_root=str(root))
    assert len(people) > 0
    assert all(person["segmentation"] for person in people[0]["people"])
