"""COCO keypoint AP as a metric of the runner."""

import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmpose.datasets.annotation_files import read_coco_file
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.registry import METRICS

from .coco_ap import keypoint_ap
from .oks import oks_nms

SCORE_MODES = ("bbox", "keypoint", "bbox_keypoint", "bbox_rle")
# Prediction fields (1, K) that result files carry beside the keypoints, where the model has them.
EXTRA_FIELDS = {
    "keypoints_probs": "presence",
    "keypoints_visible": "visibility",
    "keypoints_oks": "oks",
    "keypoints_error": "error",
}


def pose_score(
    bbox_score: float, keypoint_scores: np.ndarray, mode: str, threshold: float
) -> float:
    """The ranking score of a person.

    Args:
        bbox_score: of the detector.
        keypoint_scores: (K,).
        mode: ``bbox``: the detector's; ``keypoint``: mean of the joints; ``bbox_keypoint``: the
            detector's times the mean of the joints above ``threshold`` (0 without any);
            ``bbox_rle``: the detector's plus mean plus maximum of the joints.
        threshold: see ``bbox_keypoint``.
    """
    if mode == "bbox":
        return bbox_score
    if mode == "keypoint":
        return float(keypoint_scores.mean())
    if mode == "bbox_rle":
        return bbox_score + float(keypoint_scores.mean() + keypoint_scores.max())
    confident = keypoint_scores[keypoint_scores > threshold]
    return bbox_score * float(confident.mean()) if len(confident) else 0.0


def _to_array(value: Any) -> np.ndarray:
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


@METRICS.register_module()
class CocoMetric(BaseMetric):
    """Average precision of poses by object keypoint similarity.

    Args:
        ann_file: ground truth, COCO's format.
        use_area: whether annotated areas count; else 0.53 of the box (CrowdPose, AIC).
        iou_type: only ``"keypoints"``.
        score_mode: ranking score of a person, see `pose_score`.
        keypoint_score_thr: joints below do not count for ``bbox_keypoint``.
        nms_mode: ``"oks_nms"`` or ``"none"``.
        nms_thr: similarity above which the worse pose is dropped.
        format_only: write the result file and stop.
        outfile_prefix: the results go to ``<prefix>.keypoints.json``; None writes none.
        metainfo: skeleton of the ground truth; by default that of the evaluated data set.
        collect_device: ``"gpu"`` gathers through the process group (gloo or nccl), ``"cpu"``
            through files in the working directory.
        prefix: of the names of the numbers.
    """

    default_prefix: ClassVar[str] = "coco"

    def __init__(
        self,
        ann_file: str,
        use_area: bool = True,
        iou_type: str = "keypoints",
        score_mode: str = "bbox_keypoint",
        keypoint_score_thr: float = 0.2,
        nms_mode: str = "oks_nms",
        nms_thr: float = 0.9,
        format_only: bool = False,
        outfile_prefix: str | None = None,
        metainfo: dict | None = None,
        collect_device: str = "gpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        _check_choice("iou_type", iou_type, ("keypoints",))
        _check_choice("score_mode", score_mode, SCORE_MODES)
        _check_choice("nms_mode", nms_mode, ("oks_nms", "none"))
        if format_only and outfile_prefix is None:
            raise ValueError("format_only writes a result file: set outfile_prefix too")
        self.ann_file = ann_file
        self.ground_truth = read_coco_file(ann_file)
        self.use_area = use_area
        self.score_mode = score_mode
        self.keypoint_score_thr = keypoint_score_thr
        self.nms_mode = nms_mode
        self.nms_thr = nms_thr
        self.format_only = format_only
        self.outfile_prefix = outfile_prefix
        self.metainfo = metainfo and parse_pose_metainfo(metainfo)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take over the predictions of one batch: one record a person."""
        self.results.extend(self._record(sample) for sample in data_samples)

    def _record(self, sample: dict) -> dict:
        """What of a sample is needed later, small enough to be sent between processes."""
        record = {key: sample[key] for key in ("id", "img_id")}
        record["category_id"] = sample.get("category_id", 1)
        record["unreadable"] = bool(sample.get("unreadable", False))
        pred, gt = sample["pred_instances"], sample["gt_instances"]
        record["keypoints"] = _to_array(pred["keypoints"])[0]  # (K, 2)
        record["keypoint_scores"] = _to_array(pred["keypoint_scores"])[0]  # (K,)
        for field, name in EXTRA_FIELDS.items():
            if field in pred:
                record[name] = _to_array(pred[field])[0]
        record["bbox"] = _to_array(gt["bboxes"])[0]
        record["bbox_score"] = float(_to_array(gt["bbox_scores"])[0])
        record["window"] = _to_array(gt["bbox_scales"])[0] if "bbox_scales" in gt else None
        return record

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Merge what came from all processes and evaluate it once."""
        meta = self.metainfo or self.dataset_meta
        sigmas = np.asarray(meta["sigmas"])[: self._num_joints(meta)]
        detections = self.collect_detections(results, sigmas)
        if self.outfile_prefix is not None:
            with open(f"{self.outfile_prefix}.keypoints.json", "w", encoding="utf-8") as file:
                json.dump(detections, file)
        if self.format_only:
            return {}
        return keypoint_ap(self.ground_truth, detections, sigmas, use_area=self.use_area)

    def _num_joints(self, meta: dict) -> int:
        """Joints of the ground truth: a model's extra joints (K > 17) are not evaluated."""
        counts = {
            len(p["keypoints"]) // 3 for p in self.ground_truth["annotations"] if p.get("keypoints")
        }
        return min(counts, default=meta["num_keypoints"])

    def collect_detections(self, results: list[dict], sigmas: np.ndarray) -> list[dict]:
        """Result-file entries of all records: each person once, similar poses suppressed."""
        people = {(record["img_id"], record["id"]): record for record in results}
        unreadable = [record for record in people.values() if record["unreadable"]]
        if unreadable:
            print_log(
                f"{self.ann_file}: the pictures of {len(unreadable)} people could not be read; "
                "these people count as missed",
                logger="current",
                level=logging.WARNING,
            )
        by_image = defaultdict(list)
        for _, record in sorted(people.items()):
            if not record["unreadable"]:
                by_image[record["img_id"]].append(record)
        detections = []
        for records in by_image.values():
            detections += self._detections_of_image(records, sigmas)
        return detections

    def _detections_of_image(self, records: list[dict], sigmas: np.ndarray) -> list[dict]:
        num_joints = len(sigmas)
        keypoints = np.stack([record["keypoints"][:num_joints] for record in records])
        scores = [
            pose_score(
                record["bbox_score"],
                record["keypoint_scores"][:num_joints],
                self.score_mode,
                self.keypoint_score_thr,
            )
            for record in records
        ]
        kept = range(len(records))
        if self.nms_mode == "oks_nms":
            areas = [_suppression_area(record, num_joints) for record in records]
            kept = oks_nms(
                torch.from_numpy(keypoints.astype(np.float64)),
                torch.tensor(scores, dtype=torch.float64),
                torch.tensor(areas, dtype=torch.float64),
                torch.from_numpy(sigmas.astype(np.float64)),
                self.nms_thr,
            ).tolist()
        return [_detection(records[i], keypoints[i], scores[i]) for i in kept]


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}, got {value!r}")


def _suppression_area(record: dict, num_joints: int) -> float:
    """Area of the padded window, else of the box round the joints, px²."""
    if record["window"] is not None:
        return float(np.prod(record["window"]))
    joints = record["keypoints"][:num_joints]
    return float(np.prod(joints.max(0) - joints.min(0)))


def _detection(record: dict, keypoints: np.ndarray, score: float) -> dict:
    """One entry of a result file; the third value of a joint is its presence where predicted."""
    num_joints = len(keypoints)
    third = record.get("presence", record["keypoint_scores"])[:num_joints]
    x0, y0, x1, y1 = (float(value) for value in record["bbox"])
    entry = {
        "image_id": record["img_id"],
        "category_id": record["category_id"],
        "keypoints": np.column_stack([keypoints, third]).astype(float).ravel().tolist(),
        "score": float(score),
        "bbox": [x0, y0, x1 - x0, y1 - y0],
    }
    for name in EXTRA_FIELDS.values():
        if name in record:
            entry[name] = record[name][:num_joints].astype(float).tolist()
    return entry
