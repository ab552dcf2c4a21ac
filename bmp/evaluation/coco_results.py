"""People of the loop as COCO results."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from bmp.structures import People
from mmpose.evaluation.coco_evaluator import RESULT_FIELDS
from mmpose.structures import bbox_xyxy2xywh
from mmpose.structures.mask import mask_to_rle

SCORES = ("scores", "bbox_scores", "mask_scores")
"""What may rank people."""
JOINT_EXTRAS = ("presence", "visibility")
"""Beyond COCO's fields: its evaluation passes over them, reliability and Ex-AP read them."""


def people_to_results(people: People, img_id: Hashable, category_id: Hashable = 1) -> list[dict]:
    """People as COCO results, ready for JSON.

    Args:
        people: with ``bboxes``, ``masks``, ``keypoints``, ``keypoint_scores`` and scores.
        img_id: of the annotation file.
        category_id: of people there.

    Returns:
        One dict per person: ``bbox`` xywh, ``segmentation`` RLE, ``keypoints`` 3K numbers,
        ``scores``, ``bbox_scores``, ``mask_scores``, ``presence`` and ``visibility``, K numbers.
    """
    arrays = {name: value.cpu().numpy() for name, value in people.items()}
    bboxes_xywh = bbox_xyxy2xywh(arrays["bboxes"].astype(np.float64))
    joints = np.concatenate([arrays["keypoints"], arrays["keypoint_scores"][..., None]], -1)
    return [
        {
            "image_id": img_id,
            "category_id": category_id,
            "bbox": bboxes_xywh[n].tolist(),
            "segmentation": mask_to_rle(arrays["masks"][n]),
            "keypoints": joints[n].astype(np.float64).ravel().tolist(),
            **{name: float(arrays[name][n]) for name in SCORES},
            **{
                name: arrays[name][n].astype(np.float64).tolist()
                for name in JOINT_EXTRAS
                if name in arrays
            },
        }
        for n in range(len(bboxes_xywh))
    ]


def select_results(results: Sequence[dict], iou_type: str, ranked_by: str) -> list[dict]:
    """The part of results that one evaluation reads, a standard COCO result file.

    Args:
        results: of :func:`people_to_results`.
        iou_type: one of :data:`mmpose.evaluation.coco_evaluator.RESULT_FIELDS`.
        ranked_by: which score ranks the people.
    """
    key = RESULT_FIELDS[iou_type]
    extras = JOINT_EXTRAS if iou_type == "keypoints" else ()
    return [
        {
            "image_id": result["image_id"],
            "category_id": result["category_id"],
            key: result[key],
            "score": result[ranked_by],
            **{name: result[name] for name in extras if name in result},
        }
        for result in results
    ]


def with_presence(result: Mapping[str, Any]) -> list[float]:
    """The keypoints of a result with each joint's presence as its third number, 3K."""
    joints = np.array(result["keypoints"], np.float64).reshape(-1, 3)
    joints[:, 2] = result["presence"]
    return joints.ravel().tolist()
