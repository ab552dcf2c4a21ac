"""What a metric keeps of a predicted person, its ranking score and its entry of a result file."""

from typing import Any

import numpy as np
import torch

from mmpose.datasets.transforms import KeypointConverter

from .joint_conversion import convert_joints

SCORE_MODES = ("bbox", "keypoint", "bbox_keypoint", "bbox_rle")
# Prediction fields (1, K) that result files carry beside the keypoints, where the model has them.
EXTRA_FIELDS = {
    "keypoints_probs": "presence",
    "keypoints_visible": "visibility",
    "keypoints_oks": "oks",
    "keypoints_error": "error",
}


def make_record(sample: dict, converter: KeypointConverter | None = None) -> dict[str, Any]:
    """What of a sample is needed after the test, small enough to be sent between processes.

    Args:
        sample: a `PoseDataSample` as a dict.
        converter: moves the predicted joints into another skeleton.

    Returns:
        ``id``, ``img_id``, ``category_id``, ``unreadable``, ``mask_state``; ``keypoints`` (K, 2),
        image pixels; ``keypoint_scores`` and, where predicted, the fields of `EXTRA_FIELDS` (K,);
        ``bbox`` (4,) xyxy, ``bbox_score``; ``window`` (2,), the sides of the crop, or None.
    """
    pred, gt = sample["pred_instances"], sample["gt_instances"]
    fields = {"keypoints": "keypoints", "keypoint_scores": "keypoint_scores", **EXTRA_FIELDS}
    record = {name: _to_array(pred[field])[0] for field, name in fields.items() if field in pred}
    if converter is not None:
        record = convert_joints(record, converter)
    return record | {
        "id": sample["id"],
        "img_id": sample["img_id"],
        "category_id": sample.get("category_id", 1),
        "unreadable": bool(sample.get("unreadable", False)),
        "mask_state": sample.get("mask_state"),
        "bbox": _to_array(gt["bboxes"])[0],
        "bbox_score": float(_to_array(gt["bbox_scores"])[0]),
        "window": _to_array(gt["bbox_scales"])[0] if "bbox_scales" in gt else None,
    }


def _to_array(value: Any) -> np.ndarray:
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


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


def suppression_area(record: dict, num_joints: int) -> float:
    """Area of the padded window, else of the box round the joints, px²."""
    if record["window"] is not None:
        return float(np.prod(record["window"]))
    joints = record["keypoints"][:num_joints]
    return float(np.prod(joints.max(0) - joints.min(0)))


def to_result(record: dict, keypoints: np.ndarray, score: float) -> dict:
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
