"""COCO result files, evaluated without the model that wrote them."""

import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from mmpose.datasets.annotation_files import read_json
from mmpose.datasets.categories import id_text
from mmpose.datasets.coco_file import CocoContent, complete_annotations
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.datasets.result_records import PeopleResults, complete_results
from mmpose.structures.sigmas import SIGMAS_BY_NUM_KEYPOINTS, sigmas_of

from .coco_ap import crowd_keypoint_ap
from .coco_evaluator import RESULT_FIELDS, check_somebody_counts, evaluate
from .coco_numbers import CocoNumbers
from .extended_rules import ExtendedRules

IOU_TYPES = ("keypoints", "keypoints_crowd", "bbox", "segm")
REGION_TYPES = ("bbox", "segm")
JOINT_FIELDS = ("presence", "visibility", "oks", "error")
"""What results may tell of each joint beside its keypoint."""
WHOLEBODY_JOINTS = 133  # COCO-WholeBody's, which begin with COCO's 17


def read_results(path: str | Path, *, compact: bool = False) -> list[dict]:
    """Read a COCO result file; what its records hold is checked with the annotations.

    Args:
        path: of the file.
        compact: keep numbers of joints as arrays, for large files that are only evaluated.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no list of records.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no result file {path}")
    results = read_json(path, _compact if compact else None)
    if not isinstance(results, list):
        raise ValueError(
            f"{path} holds a {type(results).__name__}, a result file is a list; if it is an "
            "annotation file, give it as ANNOTATIONS"
        )
    _refuse_others_than_records(results)
    return results


def _compact(record: dict) -> dict:
    """A record whose joints are arrays, a quarter of the size of lists of numbers."""
    for name in ("keypoints", "presence", "visibility"):
        numbers = record.get(name)
        if isinstance(numbers, list) and numbers and type(numbers[0]) in (float, int):
            with suppress(TypeError, ValueError):  # it is refused by name where it is checked
                record[name] = np.array(numbers, np.float64)
    return record


def count_images(results: Sequence[dict]) -> int:
    """How many images results name; in all others of the annotations everybody is missed."""
    return len({id_text(result["image_id"]) for result in results})


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
    sigmas: Sequence[float] | None = None,
    rules: ExtendedRules | None = None,
    intervals: bool = False,
) -> dict[str, float]:
    """The numbers of a result file.

    Annotated joints are brought by name into the order of the skeleton, that of ``metainfo`` or,
    of 17 joints, COCO's; results have that order.

    Args:
        content: ground truth, COCO's annotation format; all its images count. People alone are
            evaluated, unless boxes or masks are of several of its categories.
        results: as read from the file. Of lists that begin with COCO's 17 joints (19, 21, 22, 23,
            41, 47 and 133 of them) the first 17 are compared with annotations of 17.
        iou_type: one of :data:`IOU_TYPES`.
        use_area: whether the annotated areas of people count; else 0.53 of the box.
        metainfo: file of the skeleton whose names and sigmas to take.
        sigmas: per-joint constants, (K,), in place of the skeleton's.
        rules: evaluate keypoints by these; None is COCO's (or CrowdPose's) own evaluation.
        intervals: also the ends of the 95 % interval of each AP, ``AP_low`` and ``AP_high``.

    Raises:
        ValueError: results and ground truth do not fit each other or the kind of evaluation.
    """
    if iou_type not in IOU_TYPES:
        raise ValueError(f"iou_type must be one of {IOU_TYPES}, got {iou_type!r}")
    if rules is not None and iou_type != "keypoints":
        raise ValueError(f"extended rules are about keypoints, not {iou_type!r}")
    settings = {"use_area": use_area, "metainfo": metainfo, "sigmas": sigmas}
    if rules is None and iou_type in RESULT_FIELDS:
        numbers = evaluate_numbers(content, results, iou_type, **settings)
        return numbers.named(intervals=intervals)
    poses = with_skeleton(content, results, metainfo, sigmas)
    if rules is None:
        return crowd_keypoint_ap(*poses, use_area=use_area, intervals=intervals)
    from .extended_ap import extended_keypoint_ap  # loads torch, which COCO's own rules do without

    return extended_keypoint_ap(*poses, rules, use_area=use_area, intervals=intervals)


def evaluate_numbers(
    content: dict,
    results: Sequence[dict],
    iou_type: str,
    *,
    use_area: bool = True,
    metainfo: str | None = None,
    sigmas: Sequence[float] | None = None,
) -> CocoNumbers:
    """COCO's numbers of a result file with the matches behind them; see :func:`evaluate_results`.

    Raises:
        ValueError: as there.
    """
    check_field(results, iou_type)
    if iou_type in REGION_TYPES:
        content = complete_annotations(content, people_only=not has_categories(content, results))
        return evaluate(content, results, iou_type)
    content, results, sigmas = with_skeleton(content, results, metainfo, sigmas)
    return evaluate(content, results, iou_type, sigmas=sigmas, use_area=use_area)


def with_skeleton(
    content: dict,
    results: Sequence[dict],
    metainfo: str | None = None,
    sigmas: Sequence[float] | None = None,
) -> tuple[CocoContent, PeopleResults, list[float]]:
    """Ground truth and poses of one skeleton, see :func:`evaluate_results`.

    Args:
        content: ground truth.
        results: with keypoints.
        metainfo: file of the skeleton.
        sigmas: per-joint constants, (K,), in place of the skeleton's.

    Returns:
        The ground truth and the results, completed, of K joints, and their sigmas.

    Raises:
        ValueError: they are of different skeletons, or its sigmas are not known.
    """
    check_field(results, "keypoints")
    content, sigmas = _of_skeleton(content, metainfo, sigmas)
    results = complete_results(results, content, needs=("keypoints",))
    cut = (_cut(result, len(sigmas)) for result in results)
    return content, PeopleResults(cut, content, ("keypoints",)), sigmas


def _refuse_others_than_records(results: Sequence) -> None:
    for index, result in enumerate(results):
        if not isinstance(result, dict):
            raise ValueError(f"result {index} is no record but {result!r:.60}")


def check_field(results: Sequence[dict], iou_type: str) -> None:
    """Refuse results that lack what an evaluation compares.

    Raises:
        ValueError: saying what else could be evaluated.
    """
    field = RESULT_FIELDS[iou_type]
    _refuse_others_than_records(results)
    lacking = sum(field not in result for result in results)
    if lacking:
        raise ValueError(
            f"{lacking} of {len(results)} results have no {field!r}; choose what they do have as "
            f"iou_type (--iou-type), one of {IOU_TYPES}"
        )


def has_categories(content: dict, results: Sequence[dict]) -> bool:
    """Whether results are of several of the listed categories, as COCO evaluates them."""
    categories = [c for c in content.get("categories") or () if isinstance(c, dict)]
    listed, given = (
        {id_text(record.get(key)) for record in records}
        for records, key in ((categories, "id"), (results, "category_id"))
    )
    return len(given & listed) > 1


def _of_skeleton(
    content: dict, metainfo: str | None, sigmas: Sequence[float] | None
) -> tuple[CocoContent, list[float]]:
    """The ground truth in the order of its skeleton, and the sigmas of its joints."""
    content = complete_annotations(content)
    check_somebody_counts(content["annotations"], "keypoints", content)
    num_joints = _num_joints(content)
    if metainfo is None and num_joints == len(SIGMAS_BY_NUM_KEYPOINTS[17]):
        metainfo = "coco.py"
    if metainfo is not None:
        skeleton = parse_pose_metainfo({"from_file": metainfo})
        names = list(skeleton["keypoint_id2name"].values())
        content = complete_annotations(content, "the annotations", skeleton=names)
        num_joints = _num_joints(content)
        sigmas = skeleton["sigmas"][:num_joints].tolist() if sigmas is None else sigmas
    if sigmas is None and num_joints not in SIGMAS_BY_NUM_KEYPOINTS:
        raise ValueError(
            f"no sigmas are known for {num_joints} keypoints; name the skeleton "
            "(metainfo='crowdpose.py', --metainfo crowdpose.py) or give one number per joint "
            "(sigmas=[...], --sigmas 0.079 0.079 ...)"
        )
    sigmas = [float(sigma) for sigma in sigmas_of(num_joints, sigmas)]
    if not all(0 < sigma < math.inf for sigma in sigmas):
        raise ValueError(f"sigmas must be above 0, the larger the less exact, got {sigmas}")
    return content, sigmas


def _num_joints(content: CocoContent) -> int:
    numbers = {len(p["keypoints"]) // 3 for p in content["annotations"] if p["keypoints"]}
    if len(numbers) != 1:
        raise ValueError(
            f"people of the annotations must have one number of keypoints, got {sorted(numbers)}"
        )
    return numbers.pop()


def _cut(result: dict, num_joints: int) -> dict:
    """A result without the joints that follow COCO's 17 in longer lists.

    Raises:
        ValueError: it is of another skeleton.
    """
    num_given = len(result["keypoints"]) // 3
    if num_given == num_joints:
        return result
    is_extension = num_joints == 17 and num_given in {*SIGMAS_BY_NUM_KEYPOINTS, WHOLEBODY_JOINTS}
    if not is_extension or num_given < num_joints:
        raise ValueError(
            f"the annotations have {num_joints} keypoints, a result of image "
            f"{result['image_id']!r} has {num_given}: it is of another skeleton; write results of "
            "these joints, as CocoMetric does with pred_converter="
            "dict(num_keypoints=..., mapping=[...]) and outfile_prefix"
        )
    fields = {name: result[name][:num_joints] for name in JOINT_FIELDS if name in result}
    return {**result, **fields, "keypoints": result["keypoints"][: 3 * num_joints]}
