"""COCO's average precision of keypoints, computed by pycocotools."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

STAT_NAMES = ("AP", "AP .5", "AP .75", "AP (M)", "AP (L)")
STAT_NAMES += ("AR", "AR .5", "AR .75", "AR (M)", "AR (L)")


def prepare_ground_truth(content: dict, *, use_area: bool) -> dict:
    """Complete the fields that the evaluator asks for; the input is left as it is.

    People without keypoints get none labelled, which the evaluator ignores. Without ``use_area``
    the area of a person is 0.53 of the box.
    """
    people = []
    for person in content["annotations"]:
        person = {"iscrowd": 0, **person}
        joints = person.get("keypoints") or []
        person["keypoints"] = joints
        person["num_keypoints"] = person.get("num_keypoints", sum(v > 0 for v in joints[2::3]))
        box_area = person["bbox"][2] * person["bbox"][3]
        person["area"] = person.get("area", 0.53 * box_area) if use_area else 0.53 * box_area
        people.append(person)
    num_joints = max((len(person["keypoints"]) for person in people), default=0)
    for person in people:
        person["keypoints"] = person["keypoints"] or [0] * num_joints
    categories = content.get("categories") or [{"id": 1, "name": "person"}]
    return {**content, "annotations": people, "categories": categories}


def keypoint_ap(
    content: dict, detections: Sequence[dict], sigmas: Sequence[float], *, use_area: bool = True
) -> dict[str, float]:
    """COCO's ten keypoint numbers.

    Args:
        content: ground truth, COCO's annotation format.
        detections: ``image_id``, ``category_id``, ``keypoints`` (3K), ``score`` and, where
            known, ``bbox`` xywh; may be empty.
        sigmas: per-joint constants, (K,).
        use_area: whether the annotated areas count; else 0.53 of the box.

    Returns:
        AP, AP .5, AP .75, AP (M), AP (L), AR and so on, in [0, 1]; -1 where the ground truth has
        nobody of that size.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports on stdout
        ground_truth = COCO()
        ground_truth.dataset = prepare_ground_truth(content, use_area=use_area)
        ground_truth.createIndex()
        results = COCO()
        if detections:
            results = ground_truth.loadRes([dict(detection) for detection in detections])
        else:
            results.dataset = {**ground_truth.dataset, "annotations": []}
            results.createIndex()
        evaluation = COCOeval(ground_truth, results, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.asarray(sigmas, dtype=np.float64)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(STAT_NAMES, (float(stat) for stat in evaluation.stats), strict=True))
