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

from .coco_ap import STAT_NAMES, crowd_keypoint_ap, keypoint_ap
from .extended_ap import extended_keypoint_ap
from .extended_oks import ExtendedRules
from .oks import oks_nms, soft_oks_nms

SCORE_MODES = ("bbox", "keypoint", "bbox_keypoint", "bbox_rle")
NMS_MODES = ("oks_nms", "soft_oks_nms", "none")
COCO_AP = {"keypoints": keypoint_ap, "keypoints_crowd": crowd_keypoint_ap}
STATS = {*STAT_NAMES, "OKS", *[f"AP (v={i})" for i in (1, 2, 3)], *[f"AP({i})" for i in "EMH"]}
# Prediction fields (1, K) that result files carry beside the keypoints, where the model has them.
EXTRA_FIELDS = {
    "keypoints_probs": "presence",
    "keypoints_visible": "visibility",
    "keypoints_oks": "oks",
    "keypoints_error": "error",
}


def pose_score(
    bbox_score: float,
    keypoint_scores: np.ndarray,
    mode: str,
    threshold: float,
    confidences: np.ndarray | None = None,
) -> float:
    """The ranking score of a person.

    Args:
        bbox_score: of the detector.
        keypoint_scores: (K,).
        mode: ``bbox``: the detector's; ``keypoint``: mean of the joints; ``bbox_keypoint``: the
            detector's times the mean of the joints above ``threshold`` (0 without any);
            ``bbox_rle``: the detector's plus mean plus maximum of the joints.
        threshold: see ``bbox_keypoint``.
        confidences: (K,) what is compared with the threshold; the scores themselves where None.
    """
    if mode == "bbox":
        return bbox_score
    if mode == "keypoint":
        return float(keypoint_scores.mean())
    if mode == "bbox_rle":
        return bbox_score + float(keypoint_scores.mean() + keypoint_scores.max())
    confident = keypoint_scores[
        (keypoint_scores if confidences is None else confidences) > threshold
    ]
    return bbox_score * float(confident.mean()) if len(confident) else 0.0


def _to_array(value: Any) -> np.ndarray:
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


@METRICS.register_module()
class CocoMetric(BaseMetric):
    """Average precision of poses by object keypoint similarity.

    Each entry of ``extended``, ``match_by_bbox`` and ``ignore_border_points`` is one evaluation;
    a list of one entry serves for all. The names of its numbers start with ``Ex_`` (extended)
    and ``bbox_`` (matched by box) and end with ``_NoBrd`` (without joints on borders). With none
    of the three it is COCO's own evaluation, by pycocotools.

    Args:
        ann_file: ground truth, COCO's format.
        use_area: whether annotated areas count; else 0.53 of the box (CrowdPose, AIC).
        iou_type: ``"keypoints"``, or ``"keypoints_crowd"`` for CrowdPose's numbers.
        score_mode: ranking score of a person, see `pose_score`.
        keypoint_score_thr: joints below do not count for ``bbox_keypoint``.
        score_thresh_type: what is compared with it: ``"score"``, or ``"prob"``, the presence.
        nms_mode: ``"oks_nms"``, ``"soft_oks_nms"`` (lowers the scores) or ``"none"``.
        nms_thr: similarity above which the worse pose is dropped; for soft suppression see
            `soft_oks_nms`.
        extended: judge whether joints outside the window are said to be absent (Ex-OKS).
        match_by_bbox: give a pose the person of the nearest box among those similar enough.
        ignore_border_points: leave out joints on the border of their person's box.
        ignore_stats: names of numbers to leave out, such as ``"AR (M)"``.
        padding: how much larger than the box the window of the extended evaluation is.
        confidence_thr: from this presence on a joint is predicted as there.
        format_only: write the result file and stop.
        outfile_prefix: the results go to ``<prefix>.keypoints.json``; None writes none.
        metainfo: skeleton of the ground truth; by default that of the evaluated data set.
        collect_device: ``"gpu"`` gathers through the process group (gloo or nccl), ``"cpu"``
            through files in the working directory.
        prefix: of the names of the numbers.

    Raises:
        ValueError: a setting is none of its choices, or the three lists differ in length.
    """

    default_prefix: ClassVar[str] = "coco"

    def __init__(
        self,
        ann_file: str,
        use_area: bool = True,
        iou_type: str = "keypoints",
        score_mode: str = "bbox_keypoint",
        keypoint_score_thr: float = 0.2,
        score_thresh_type: str = "score",
        nms_mode: str = "oks_nms",
        nms_thr: float = 0.9,
        extended: Sequence[bool] = (False,),
        match_by_bbox: Sequence[bool] = (False,),
        ignore_border_points: Sequence[bool] = (False,),
        ignore_stats: Sequence[str] = (),
        padding: float = 1.25,
        confidence_thr: float = 0.51,
        format_only: bool = False,
        outfile_prefix: str | None = None,
        metainfo: dict | None = None,
        collect_device: str = "gpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        _check_choice("iou_type", iou_type, tuple(COCO_AP))
        _check_choice("score_mode", score_mode, SCORE_MODES)
        _check_choice("score_thresh_type", score_thresh_type, ("score", "prob"))
        _check_choice("nms_mode", nms_mode, NMS_MODES)
        for name in ignore_stats:
            _check_choice("a name in ignore_stats", name, tuple(sorted(STATS)))
        if format_only and outfile_prefix is None:
            raise ValueError("format_only writes a result file: set outfile_prefix too")
        self.ann_file = ann_file
        self.ground_truth = read_coco_file(ann_file)
        self.use_area = use_area
        self.iou_type = iou_type
        self.score_mode = score_mode
        self.keypoint_score_thr = keypoint_score_thr
        self.score_thresh_type = score_thresh_type
        self.nms_mode = nms_mode
        self.nms_thr = nms_thr
        self.evaluations = _rules_of(
            extended, match_by_bbox, ignore_border_points, confidence_thr, padding
        )
        if iou_type == "keypoints_crowd" and any(map(_is_special, self.evaluations)):
            raise ValueError(
                "iou_type='keypoints_crowd' allows only COCO's rules, no extended ones"
            )
        self.ignore_stats = tuple(ignore_stats)
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
        num_joints = self._num_joints(meta)
        if num_joints > meta["num_keypoints"]:
            raise ValueError(
                f"{self.ann_file} has {num_joints} keypoints a person, the skeleton "
                f"{meta['dataset_name']!r} {meta['num_keypoints']}; evaluate with annotations of "
                "the joints that the model predicts"
            )
        num_predicted = min((len(record["keypoints"]) for record in results), default=num_joints)
        if num_predicted < num_joints:
            raise ValueError(
                f"{self.ann_file} has {num_joints} keypoints a person, a prediction "
                f"{num_predicted}; evaluate with annotations of the joints that the model predicts"
            )
        sigmas = np.asarray(meta["sigmas"])[:num_joints]
        detections = self.collect_detections(results, sigmas)
        if self.outfile_prefix is not None:
            with open(f"{self.outfile_prefix}.keypoints.json", "w", encoding="utf-8") as file:
                json.dump(detections, file)
        if self.format_only:
            return {}
        numbers: dict[str, float] = {}
        for rules in self.evaluations:
            numbers |= self._evaluate(detections, sigmas, rules)
        return numbers

    def _evaluate(
        self, detections: list[dict], sigmas: np.ndarray, rules: ExtendedRules
    ) -> dict[str, float]:
        """The numbers of one evaluation under their full names."""
        settings = {"use_area": self.use_area}
        before = "Ex_" * rules.extended + "bbox_" * rules.match_by_bbox
        after = "_NoBrd" * rules.ignore_border_points
        if _is_special(rules):
            found = extended_keypoint_ap(self.ground_truth, detections, sigmas, rules, **settings)
        else:
            found = COCO_AP[self.iou_type](self.ground_truth, detections, sigmas, **settings)
        return {
            f"{before}{name}{after}": value
            for name, value in found.items()
            if name not in self.ignore_stats
        }

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
        scores = [self._score(record, num_joints) for record in records]
        kept = range(len(records))
        if self.nms_mode != "none":
            areas = [_suppression_area(record, num_joints) for record in records]
            poses = [
                torch.from_numpy(np.asarray(values, dtype=np.float64))
                for values in (keypoints, scores, areas, sigmas)
            ]
            if self.nms_mode == "oks_nms":
                kept = oks_nms(*poses, self.nms_thr).tolist()
            else:
                order, lowered = soft_oks_nms(*poses, self.nms_thr)
                kept = order.tolist()
                scores = dict(zip(kept, lowered.tolist(), strict=True))
        return [_detection(records[i], keypoints[i], scores[i]) for i in kept]

    def _score(self, record: dict, num_joints: int) -> float:
        joint_scores = record["keypoint_scores"][:num_joints]
        compared = joint_scores
        if self.score_thresh_type == "prob":
            compared = record.get("presence", record["keypoint_scores"])[:num_joints]
        return pose_score(
            record["bbox_score"],
            joint_scores,
            self.score_mode,
            self.keypoint_score_thr,
            confidences=compared,
        )


def _rules_of(
    extended: Sequence[bool],
    match_by_bbox: Sequence[bool],
    ignore_border_points: Sequence[bool],
    confidence_thr: float,
    padding: float,
) -> list[ExtendedRules]:
    """One set of rules an evaluation; lists of one entry are repeated."""
    lists = (list(extended), list(match_by_bbox), list(ignore_border_points))
    longest = max(map(len, lists))
    if any(len(values) not in (1, longest) for values in lists):
        raise ValueError(
            "extended, match_by_bbox and ignore_border_points need one entry each an evaluation, "
            f"or one for all, got {[len(values) for values in lists]} entries"
        )
    repeated = [values * longest if len(values) == 1 else values for values in lists]
    return [
        ExtendedRules(*switches, confidence_thr=confidence_thr, padding=padding)
        for switches in zip(*repeated, strict=True)
    ]


def _is_special(rules: ExtendedRules) -> bool:
    """Whether the rules differ from COCO's."""
    return rules.extended or rules.match_by_bbox or rules.ignore_border_points


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
