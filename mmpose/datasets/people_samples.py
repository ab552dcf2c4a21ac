"""Completed annotations and detections as samples: one person each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmpose.structures import bbox_xywh2xyxy


def why_left_out(person: dict, image: dict) -> str | None:
    """Why there is nothing to learn or evaluate of a person, None if there is.

    Args:
        person: a completed annotation, see `complete_annotations`.
        image: its entry of ``images``.
    """
    if person["iscrowd"]:
        return "crowd regions"
    if person.get("ignore"):
        return "marked as ignored"
    if not person["num_keypoints"]:
        return "without a labelled joint"
    bbox = _clip(_corners(person["bbox"]), image)
    return "outside their image" if (bbox[0, 2:] <= bbox[0, :2]).any() else None


def parse_person(person: dict, image: dict, num_keypoints: int) -> dict[str, Any] | None:
    """Turn one completed annotation into the fields of a sample.

    Args:
        person: see `complete_annotations`.
        image: its entry of ``images``; a ``width`` of None (MPII) is not known.
        num_keypoints: K.

    Returns:
        None when there is nothing to learn from (`why_left_out`). Else ``bbox`` (1, 4) xyxy
        float32 clipped to the image, ``bbox_score`` (1,), ``keypoints`` (1, K, 2) float32 pixels,
        ``keypoints_visible`` (1, K) whether annotated (v of 1, 2 or 3), ``keypoints_visibility``
        (1, K) whether seen (v of 2), ``area`` (1,) px², ``segmentation``, ``id``,
        ``category_id``, ``crowd_index``, and ``head_size`` (1,) pixels where there is one.

    Raises:
        ValueError: the number of keypoints is not K.
    """
    if why_left_out(person, image) is not None:
        return None
    joints = np.asarray(person["keypoints"], dtype=np.float32)
    if joints.size != 3 * num_keypoints:
        raise ValueError(
            f"annotation {person['id']!r} has {joints.size / 3:g} keypoints, the metainfo "
            f"{num_keypoints}; give the data set the metainfo of its own skeleton"
        )
    joints = joints.reshape(1, num_keypoints, 3)
    sample = {
        "id": person["id"],
        "category_id": person["category_id"],
        "bbox": _clip(_corners(person["bbox"]), image),
        "bbox_score": np.ones(1, dtype=np.float32),
        "keypoints": joints[..., :2],
        "keypoints_visible": np.minimum(1, joints[..., 2]),
        "keypoints_visibility": (joints[..., 2] == 2).astype(np.float32),
        "area": np.array([person["area"]], dtype=np.float32),
        "segmentation": person["segmentation"],
        "crowd_index": image.get("crowdIndex"),
    }
    if "head_size" in person:
        sample["head_size"] = np.array([person["head_size"]], dtype=np.float32)
    return sample


def _corners(bbox_xywh: Sequence[float]) -> np.ndarray:
    return bbox_xywh2xyxy(np.array(bbox_xywh, dtype=np.float32)[None])


def _clip(bbox: np.ndarray, image: dict) -> np.ndarray:
    if image["width"] is None or image["height"] is None:
        return bbox
    far_corner = [image["width"] - 1, image["height"] - 1]
    return bbox.clip(0, np.array(far_corner * 2, dtype=np.float32))


def parse_detection(detection: dict, index: int, num_keypoints: int) -> dict[str, Any]:
    """Turn one completed detection (`complete_results`) into sample fields.

    As those of `parse_person`, without an area; the box is not clipped, its joints are zeros.
    """
    return {
        "id": index,
        "category_id": detection["category_id"],
        "bbox": _corners(detection["bbox"]),
        "bbox_score": np.array([detection["score"]], dtype=np.float32),
        "keypoints": np.zeros((1, num_keypoints, 2), dtype=np.float32),
        "keypoints_visible": np.ones((1, num_keypoints), dtype=np.float32),
        "keypoints_visibility": np.ones((1, num_keypoints), dtype=np.float32),
        "segmentation": detection.get("segmentation"),
    }


def tell_use(
    source: str, num_used: int, left_out: Mapping[str, int], categories: Sequence[dict]
) -> None:
    """Say in one line how many people are used and why the others are not.

    Args:
        source: name of the annotation file.
        num_used: people that are used.
        left_out: how many are not, by why.
        categories: of the file.

    Raises:
        ValueError: nobody is used.
    """
    reasons = ", ".join(f"{count} {why}" for why, count in left_out.items() if count)
    num_all = num_used + sum(left_out.values())
    if not num_used:
        names = [category.get("name") for category in categories]
        raise ValueError(
            f"{source} has nobody that could be used, of {num_all} annotations"
            f"{f' ({reasons})' if reasons else ''}; its category of people is {names}: is it the "
            "file of the people and parts (boxes, masks, joints) that are needed?"
        )
    if reasons:
        print_log(
            f"{source}: {num_used} of {num_all} annotations are used; the others: {reasons}",
            logger="current",
        )
