"""Similarity of poses, suppression, average precision: functions first, metrics around them."""

from .coco_ap import keypoint_ap
from .coco_metric import CocoMetric, pose_score
from .multi_dataset_evaluator import MultiDatasetEvaluator
from .oks import oks_nms, pairwise_oks, pose_overlaps
from .pck import MpiiPCKAccuracy, PCKAccuracy, joint_pck, scaled_distances

__all__ = [
    "CocoMetric",
    "MpiiPCKAccuracy",
    "MultiDatasetEvaluator",
    "PCKAccuracy",
    "joint_pck",
    "keypoint_ap",
    "oks_nms",
    "pairwise_oks",
    "pose_overlaps",
    "pose_score",
    "scaled_distances",
]
