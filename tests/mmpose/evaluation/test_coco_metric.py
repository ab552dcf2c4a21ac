import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmpose.datasets import parse_pose_metainfo
from mmpose.evaluation import CocoMetric, MultiDatasetEvaluator, pose_score
from mmpose.structures import PoseDataSample

DATA = Path(__file__).parents[2] / "data" / "eval"
GT = DATA / "example_coco_val.json"
META = parse_pose_metainfo({"from_file": "coco.py"})


def people_of(path):
    return [p for p in json.loads(path.read_text())["annotations"] if p["num_keypoints"]]


def sample_of(person, dataset_name="coco", num_joints=17, **extra):
    """What a perfect model says of an annotated person."""
    joints = np.array(person["keypoints"], dtype=np.float32).reshape(1, 17, 3)
    joints = np.pad(joints, ((0, 0), (0, num_joints - 17), (0, 0)))
    x, y, width, height = person["bbox"]
    sample = PoseDataSample(
        metainfo={
            "id": person["id"],
            "img_id": person["image_id"],
            "dataset_name": dataset_name,
            **extra,
        }
    )
    sample.gt_instances = InstanceData(
        bboxes=np.array([[x, y, x + width, y + height]], dtype=np.float32),
        bbox_scores=np.ones(1, dtype=np.float32),
        bbox_scales=np.array([[1.25 * width, 1.25 * height]], dtype=np.float32),
    )
    sample.pred_instances = InstanceData(
        keypoints=torch.from_numpy(joints[..., :2]),
        keypoint_scores=torch.full((1, num_joints), 0.8),
        keypoints_probs=torch.full((1, num_joints), 0.6),
    )
    return sample


def evaluate(samples, **kwargs):
    metric = CocoMetric(str(GT), **kwargs)
    metric.dataset_meta = META
    metric.process(None, [sample.to_dict() for sample in samples])
    return metric.evaluate(len(samples))


def test_perfect_poses_score_one():
    assert evaluate([sample_of(p) for p in people_of(GT)])["coco/AP"] == pytest.approx(1.0)


def test_extra_joints_of_the_model_are_not_evaluated():
    samples = [sample_of(person, num_joints=23) for person in people_of(GT)]
    assert evaluate(samples)["coco/AP"] == pytest.approx(1.0)


def test_a_person_that_came_twice_counts_once():
    samples = [sample_of(person) for person in people_of(GT)]
    once = evaluate(samples, nms_mode="none")
    assert evaluate([*samples, samples[0]], nms_mode="none") == once


def test_an_unreadable_picture_counts_as_missed():
    people = people_of(GT)
    samples = [sample_of(person, unreadable=i == 0) for i, person in enumerate(people)]
    expected = (len(people) - 1) / len(people)
    assert evaluate(samples)["coco/AR"] == pytest.approx(expected)


def test_the_result_file_carries_presence(tmp_path):
    prefix = str(tmp_path / "out")
    samples = [sample_of(people_of(GT)[0])]
    assert evaluate(samples, format_only=True, outfile_prefix=prefix) == {}
    (entry,) = json.loads(Path(prefix + ".keypoints.json").read_text())
    assert entry["keypoints"][2::3] == pytest.approx([0.6] * 17)
    assert entry["presence"] == pytest.approx([0.6] * 17)
    assert entry["score"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("bbox", 0.5),
        ("keypoint", 0.4),  # (0.1 + 0.3 + 0.8) / 3
        ("bbox_keypoint", 0.5 * 0.55),  # 0.1 is below the threshold
        ("bbox_rle", 0.5 + 0.4 + 0.8),
    ],
)
def test_ranking_scores(mode, expected):
    assert pose_score(0.5, np.array([0.1, 0.3, 0.8]), mode, 0.2) == pytest.approx(expected)


def test_no_confident_joint_ranks_last():
    assert pose_score(0.5, np.array([0.1, 0.1]), "bbox_keypoint", 0.2) == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"iou_type": "segm"}, "iou_type must be one of"),
        ({"score_mode": "best"}, "score_mode must be one of"),
        ({"nms_mode": "soft"}, "nms_mode must be one of"),
        ({"format_only": True}, "set outfile_prefix"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        CocoMetric(str(GT), **arguments)


def test_a_missing_annotation_file_names_its_maker():
    with pytest.raises(FileNotFoundError, match=r"python tools/datasets/synthcrowd\.py"):
        CocoMetric("nowhere/synthcrowd/val/annotations.json")


def test_samples_go_to_the_metric_of_their_data_set():
    dataset = {"type": "CocoDataset"}
    evaluator = MultiDatasetEvaluator(
        metrics=[
            {"type": "mmpose.CocoMetric", "ann_file": str(GT), "prefix": name} for name in "ab"
        ],
        datasets=[
            {**dataset, "metainfo": {"from_file": "coco.py", "dataset_name": name}} for name in "ab"
        ],
    )
    evaluator.dataset_meta = META
    people = people_of(GT)
    evaluator.process([sample_of(person, "a") for person in people])
    evaluator.process([sample_of(people[0], "b")])
    scores = evaluator.evaluate(len(people) + 1)
    assert scores["a/AR"] == pytest.approx(1.0)
    assert scores["b/AR"] == pytest.approx(1 / len(people))


def test_data_sets_of_one_name_are_refused():
    with pytest.raises(ValueError, match="give each its own"):
        MultiDatasetEvaluator(
            metrics=[{"type": "mmpose.CocoMetric", "ann_file": str(GT)}] * 2,
            datasets=[{"type": "CocoDataset"}] * 2,
        )
