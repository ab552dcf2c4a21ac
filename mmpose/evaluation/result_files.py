"""COCO result files, evaluated without the model that wrote them."""

from collections.abc import Sequence
from pathlib import Path

from mmpose.datasets.annotation_files import parse_numbers, read_json
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.structures import keypoint_sigmas

from .coco_ap import REGION_FIELDS, crowd_keypoint_ap, keypoint_ap, region_ap
from .extended_ap import extended_keypoint_ap
from .extended_oks import ExtendedRules

IOU_TYPES = ("keypoints", "keypoints_crowd", "bbox", "segm")
_NEEDED = ("image_id", "category_id", "score")
# field of a result -> how many numbers it has, None for any multiple of 3; which they are
_NUMBERS = {
    "score": (1, "one"),
    "bbox": (4, "left, top, width and height"),
    "keypoints": (None, "x, y and presence of each joint"),
}


def read_results(path: str | Path) -> list[dict]:
    """Read a COCO result file.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no list of results, one of them lacks what all have, or numbers are none.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no result file {path}")
    results = read_json(path)
    if not isinstance(results, list):
        raise ValueError(
            f"{path} holds a {type(results).__name__}, a result file is a list; if it is an "
            "annotation file, give it as the second argument"
        )
    for i, result in enumerate(results):
        missing = [key for key in _NEEDED if not isinstance(result, dict) or key not in result]
        if missing:
            raise ValueError(f"{path}: result {i} lacks {missing}")
        _check_numbers(result, f"{path}: result {i}")
    return results


def _check_numbers(result: dict, what: str) -> None:
    for field, (length, meaning) in _NUMBERS.items():
        if field not in result:
            continue
        try:
            numbers = parse_numbers(result, field)
        except ValueError as error:
            raise ValueError(f"{what}: {field} must be finite numbers, {meaning}") from error
        if numbers.size % 3 if length is None else numbers.size != length:
            raise ValueError(f"{what}: {field} has {numbers.size} numbers, expected {meaning}")


def guess_iou_type(results: Sequence[dict]) -> str:
    """The main thing that results tell: keypoints, else masks, else boxes."""
    for iou_type, field in (("keypoints", "keypoints"), ("segm", "segmentation")):
        if results and field in results[0]:
            return iou_type
    return "bbox" if results else "keypoints"


def evaluate_results(
    content: dict,
    results: Sequence[dict],
    iou_type: str,
    *,
    use_area: bool = True,
    metainfo: str | None = None,
    rules: ExtendedRules | None = None,
) -> dict[str, float]:
    """The numbers of a result file.

    Args:
        content: ground truth, COCO's annotation format; all its images count.
        results: as read from the file; joints beyond those of the ground truth do not count.
        iou_type: one of :data:`IOU_TYPES`.
        use_area: whether the annotated areas of people count; else 0.53 of the box.
        metainfo: file of the skeleton whose sigmas to take; None takes those of the joint list
            of that length.
        rules: evaluate keypoints by these; None is COCO's (or CrowdPose's) own evaluation.

    Raises:
        ValueError: results and ground truth do not fit each other or the kind of evaluation.
    """
    if iou_type not in IOU_TYPES:
        raise ValueError(f"iou_type must be one of {IOU_TYPES}, got {iou_type!r}")
    if rules is not None and iou_type != "keypoints":
        raise ValueError(f"extended rules are about keypoints, not {iou_type!r}")
    field = REGION_FIELDS.get(iou_type, "keypoints")
    _check_field(results, field, "results")
    if iou_type in REGION_FIELDS:
        _check_field(content["annotations"], field, "annotations")
        return region_ap(content, results, iou_type)
    num_joints = _num_joints(content)
    results = [_cut(result, num_joints) for result in results]
    sigmas = parse_pose_metainfo({"from_file": metainfo})["sigmas"] if metainfo else None
    sigmas = keypoint_sigmas(num_joints, sigmas).tolist()
    if rules is not None:
        return extended_keypoint_ap(content, results, sigmas, rules, use_area=use_area)
    evaluate = crowd_keypoint_ap if iou_type == "keypoints_crowd" else keypoint_ap
    return evaluate(content, results, sigmas, use_area=use_area)


def _check_field(records: Sequence[dict], field: str, what: str) -> None:
    lacking = sum(field not in record for record in records)
    if lacking:
        raise ValueError(
            f"{lacking} of {len(records)} {what} have no {field!r}; choose what they do have as "
            f"iou_type, one of {IOU_TYPES}"
        )


def _num_joints(content: dict) -> int:
    numbers = {len(p["keypoints"]) // 3 for p in content["annotations"] if p.get("keypoints")}
    if len(numbers) != 1:
        raise ValueError(
            f"people of the annotations must have one number of keypoints, got {sorted(numbers)}"
        )
    return numbers.pop()


def _cut(result: dict, num_joints: int) -> dict:
    joints = result["keypoints"]
    if len(joints) < 3 * num_joints or len(joints) % 3:
        raise ValueError(
            f"the annotations have {num_joints} keypoints of 3 numbers each, a result of image "
            f"{result['image_id']} has {len(joints)} numbers; evaluate it with the annotations "
            "of its own joints"
        )
    return {**result, "keypoints": joints[: 3 * num_joints]}
