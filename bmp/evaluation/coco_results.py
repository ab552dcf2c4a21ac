"""COCO result files and their average precision, by pycocotools."""

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.structures import InstanceData
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmpose.structures.mask import mask_to_rle

IOU_TYPES = {"bbox": "bbox", "segm": "segmentation", "keypoints": "keypoints"}
"""Name of the evaluation -> key of a result."""


def load_annotations(path: str | os.PathLike) -> COCO:
    """pycocotools' index of an annotation file, read in silence.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no annotations {path}; datasets/README.md tells how to get them")
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(os.fspath(path))


def people_to_results(people: InstanceData, img_id: int, category_id: int = 1) -> list[dict]:
    """People as COCO results, ready for JSON.

    Args:
        people: with ``bboxes``, ``masks``, ``keypoints``, ``keypoint_scores`` and scores.
        img_id: of the annotation file.
        category_id: of people there.

    Returns:
        One dict a person: ``bbox`` xywh, ``segmentation`` RLE, ``keypoints`` 3K numbers,
        ``scores``, ``bbox_scores``, ``mask_scores``.
    """
    arrays = {name: value.cpu().numpy() for name, value in people.items()}
    bboxes = arrays["bboxes"].astype(np.float64)
    bboxes_xywh = np.concatenate([bboxes[:, :2], bboxes[:, 2:] - bboxes[:, :2]], 1)
    joints = np.concatenate([arrays["keypoints"], arrays["keypoint_scores"][..., None]], -1)
    return [
        {
            "image_id": img_id,
            "category_id": category_id,
            "bbox": bboxes_xywh[n].tolist(),
            "segmentation": mask_to_rle(arrays["masks"][n]),
            "keypoints": joints[n].astype(np.float64).ravel().tolist(),
            **{name: float(arrays[name][n]) for name in ("scores", "bbox_scores", "mask_scores")},
        }
        for n in range(len(bboxes))
    ]


def select_results(results: Sequence[dict], iou_type: str, ranked_by: str) -> list[dict]:
    """The part of results that one evaluation reads, a standard COCO result file.

    Args:
        results: of :func:`people_to_results`.
        iou_type: one of :data:`IOU_TYPES`.
        ranked_by: which score ranks the people.
    """
    key = IOU_TYPES[iou_type]
    return [
        {
            "image_id": result["image_id"],
            "category_id": result["category_id"],
            key: result[key],
            "score": result[ranked_by],
        }
        for result in results
    ]


def evaluate_results(
    annotations: COCO, results: list[dict], iou_type: str, img_ids: Sequence[int]
) -> dict[str, float]:
    """COCO's average precision.

    Args:
        annotations: of :func:`load_annotations`.
        results: a COCO result list; may be empty.
        iou_type: one of :data:`IOU_TYPES`.
        img_ids: the images that were looked at.

    Returns:
        AP, AP50, AP75 in [0, 1] (-1 without annotated people); num_true annotated people that
        count and num_found of them, those matched at IoU (OKS) 0.5.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        # loadRes writes into what it is given
        copies = [dict(result) for result in results]
        predicted = annotations.loadRes(copies) if copies else COCO()
        evaluation = COCOeval(annotations, predicted, iou_type)
        evaluation.params.imgIds = sorted(img_ids)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    num_true, num_found = _count_found(evaluation)
    values = dict(zip(("AP", "AP50", "AP75"), map(float, evaluation.stats), strict=False))
    return values | {"num_true": num_true, "num_found": num_found}


def _count_found(evaluation: COCOeval) -> tuple[int, int]:
    """Annotated people that count, and those of them matched at the lowest threshold."""
    first_area = evaluation.params.areaRng[0]
    num_true = num_found = 0
    for entry in evaluation.evalImgs:
        if entry is None or entry["aRng"] != first_area:
            continue
        counts = np.asarray(entry["gtIgnore"]) == 0
        num_true += int(counts.sum())
        num_found += int((np.asarray(entry["gtMatches"])[0] > 0)[counts].sum())
    return num_true, num_found
