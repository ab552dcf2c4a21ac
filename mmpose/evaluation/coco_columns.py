"""Completed records as arrays, in the order of COCO's evaluation: images by id, best first."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from mmpose.datasets.people_records import AREA_OF_BOX

from .similarity import Annotated, Found

Array = np.ndarray


def annotated_columns(
    people: Sequence[dict],
    field: str,
    images: Mapping[Any, int],
    categories: Mapping[Any, int],
    *,
    use_area: bool,
) -> Annotated:
    """Annotated people, by image and category.

    Args:
        people: completed annotations; masks as RLE, keypoints all of one length.
        field: which of their fields is compared.
        images: image id -> index, from 0.
        categories: category id -> index, from 0.
        use_area: whether annotated areas count; else 0.53 of the box.
    """
    groups = _groups(people, images, categories)
    order = np.argsort(groups, kind="stable")
    people = [people[i] for i in order.tolist()]
    bboxes = _array(people, "bbox", (4,))
    is_crowd = np.array([person["iscrowd"] for person in people], bool)
    is_ignored = is_crowd
    if field == "keypoints":
        num_joints = np.array([person["num_keypoints"] for person in people], np.int64)
        is_ignored = is_crowd | (num_joints == 0)
    areas = np.array([person["area"] for person in people], np.float64)
    return Annotated(
        groups[order],
        areas if use_area else AREA_OF_BOX * bboxes[:, 2] * bboxes[:, 3],
        is_crowd,
        is_ignored,
        _shapes(people, field),
        bboxes,
    )


def found_columns(
    results: Sequence[dict],
    field: str,
    images: Mapping[Any, int],
    categories: Mapping[Any, int],
    most: int,
) -> Found:
    """Detections, by image and category, the best ``most`` of each.

    Areas are those of ``COCO.loadRes``: of the box, of the mask, or of the extent of the joints.
    """
    groups = _groups(results, images, categories)
    scores = np.array([result["score"] for result in results], np.float64)
    order = np.lexsort((-scores, groups))  # stable: equal scores keep the order of the file
    groups = groups[order]
    ranks = np.arange(len(groups)) - np.searchsorted(groups, groups)
    is_kept = ranks < most
    order, groups, ranks = order[is_kept], groups[is_kept], ranks[is_kept]
    results = [results[i] for i in order.tolist()]
    shapes = _shapes(results, field)
    return Found(groups, ranks, scores[order], _areas(results, shapes), shapes)


def _groups(records: Sequence[dict], images: Mapping, categories: Mapping) -> Array:
    image = np.array([images[r["image_id"]] for r in records], np.int64)
    category = np.array([categories[r["category_id"]] for r in records], np.int64)
    return image * len(categories) + category


def _array(records: Sequence[dict], field: str, shape: tuple[int, ...]) -> Array:
    return np.array([record[field] for record in records], np.float64).reshape(-1, *shape)


def _shapes(records: Sequence[dict], field: str) -> Array | list[dict]:
    if field == "segmentation":
        return [record[field] for record in records]
    if field == "bbox":
        return _array(records, field, (4,))
    if not records:
        return np.zeros((0, 0, 3))
    return _array(records, field, (len(records[0][field]) // 3, 3))


def _areas(results: Sequence[dict], shapes: Array | list[dict]) -> Array:
    if isinstance(shapes, list):
        # one by one: of a list, pycocotools 2.0.11 returns areas in bytes, and fails
        return np.array([coco_mask.area(rle) for rle in shapes], np.float64)
    if shapes.ndim == 2:
        return shapes[:, 2] * shapes[:, 3]
    lacking = [i for i, result in enumerate(results) if result.get("bbox") is None]
    extents = np.ptp(shapes[lacking, :, :2], axis=1) if lacking else np.zeros((0, 2))
    boxes = [result.get("bbox") or (0, 0, 0, 0) for result in results]
    sides = np.array(boxes, np.float64).reshape(-1, 4)[:, 2:]
    sides[lacking] = extents
    return sides[:, 0] * sides[:, 1]
