"""Annotated people and what a perfect model says of them."""

import json
from pathlib import Path

import numpy as np
import torch
from mmengine.structures import InstanceData

from mmpose.datasets import parse_pose_metainfo
from mmpose.evaluation import CocoMetric
from mmpose.structures import PoseDataSample

GT = Path(__file__).parents[2] / "data" / "eval" / "example_coco_val.json"
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
    """The numbers of a metric on samples of the annotated people."""
    metric = CocoMetric(str(GT), **kwargs)
    metric.dataset_meta = META
    metric.process(None, [sample.to_dict() for sample in samples])
    return metric.evaluate(len(samples))
