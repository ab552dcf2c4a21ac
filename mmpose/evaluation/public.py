"""The public names of `mmpose.evaluation`, whose first use imports this."""

from .coco_ap import crowd_keypoint_ap, keypoint_ap, region_ap
from .coco_metric import CocoMetric
from .extended_ap import extended_keypoint_ap
from .extended_rules import ExtendedRules
from .multi_dataset_evaluator import MultiDatasetEvaluator
from .oks import oks_nms, pairwise_oks, pose_overlaps, soft_oks_nms
from .pck import MpiiPCKAccuracy, PCKAccuracy, joint_pck, scaled_distances
from .pose_records import pose_score

__all__ = [
    "CocoMetric",
    "ExtendedRules",
    "MpiiPCKAccuracy",
    "MultiDatasetEvaluator",
    "PCKAccuracy",
    "crowd_keypoint_ap",
    "extended_keypoint_ap",
    "joint_pck",
    "keypoint_ap",
    "oks_nms",
    "pairwise_oks",
    "pose_overlaps",
    "pose_score",
    "region_ap",
    "scaled_distances",
    "soft_oks_nms",
]
