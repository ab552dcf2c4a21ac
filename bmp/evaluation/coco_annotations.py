"""What was found in images as a COCO annotation file, which other tools open.

A result list has no images, no names of joints, and scores where annotation files have flags:
viewers and converters refuse it or take every joint for seen.
"""

import numpy as np
import torch
from pycocotools import mask as coco_mask

from bmp.structures import People
from mmpose.datasets import parse_pose_metainfo

LEAST_CONFIDENCE = 0.3  # below, a joint is drawn faint and counts as not found
LEAST_VISIBILITY = 0.5  # below, a joint counts as occluded


def person_category() -> dict:
    """The category of people: id 1, COCO's 17 joints by name, links counted from 1."""
    metainfo = parse_pose_metainfo({"from_file": "coco.py"})
    return {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(metainfo["keypoint_name2id"]),
        "skeleton": [[start + 1, end + 1] for start, end in metainfo["skeleton_links"]],
    }


def annotation_file(images: list[dict], annotations: list[dict]) -> dict:
    """The whole file, ready for JSON.

    Args:
        images: one dict per image: ``id``, ``file_name``, ``width``, ``height``.
        annotations: of all images, from :func:`people_to_annotations`.
    """
    return {
        "info": {"description": "people found by bmp predict"},
        "licenses": [],
        "images": images,
        "categories": [person_category()],
        "annotations": annotations,
    }


def people_to_annotations(people: People, entries: list[dict], first_id: int) -> list[dict]:
    """People of one image as annotations.

    Args:
        people: with joints, presence, visibility and ``iteration``.
        entries: the same people in the same order, from
            :func:`bmp.evaluation.coco_results.people_to_results`.
        first_id: id of the first person; the others count on.

    Returns:
        One dict per person: the box and mask of the entry, ``area`` in px² of the mask (of the box
        where the mask is empty, which then is ``[]``), ``iscrowd`` 0, ``keypoints`` x, y, flag.
    """
    flags, coordinates = joint_flags(people), people.keypoints.tolist()
    annotations = []
    for n, entry in enumerate(entries):
        area = int(coco_mask.area(entry["segmentation"]))
        joints = [
            [x, y, int(flag)] if flag else [0.0, 0.0, 0]  # as COCO writes them
            for (x, y), flag in zip(coordinates[n], flags[n], strict=True)
        ]
        annotations.append(
            {
                "id": first_id + n,
                "image_id": entry["image_id"],
                "category_id": entry["category_id"],
                "bbox": entry["bbox"],
                "area": area or entry["bbox"][2] * entry["bbox"][3],
                "segmentation": entry["segmentation"] if area else [],
                "iscrowd": 0,
                "keypoints": [number for joint in joints for number in joint],
                "num_keypoints": int((flags[n] > 0).sum()),
                "score": entry["scores"],
                "iteration": int(people.iteration[n]),
            }
        )
    return annotations


def joint_flags(people: People) -> np.ndarray:
    """COCO's flag of every joint: 0 not found, 1 occluded, 2 seen.

    Returns:
        (N, 17) int64. 0 where the confidence or the presence is below 0.3 or a coordinate is not
        finite, else 2 from a visibility of 0.5 on.
    """
    confidence = people.keypoint_scores.minimum(people.presence)
    is_finite = people.keypoints.isfinite().all(-1) & people.keypoint_scores.isfinite()
    is_found = (confidence >= LEAST_CONFIDENCE) & is_finite
    is_seen = people.visibility >= LEAST_VISIBILITY
    return torch.where(is_found, 1 + is_seen.long(), 0).cpu().numpy()


def people_to_yolo(people: People, image_shape: tuple[int, int]) -> str:
    """People of one image as a label file of YOLO-pose, a row each.

    Args:
        people: with joints, presence and visibility.
        image_shape: (H, W).

    Returns:
        Rows ``0 x y w h x1 y1 v1 ...``, shares of the image, six decimals. Boxes are cut to the
        image; a joint outside it has flag 0, as one that was not found. Nobody is an empty text.
    """
    height, width = image_shape
    size = np.array([width, height])
    corners = (people.bboxes.cpu().numpy().reshape(-1, 2, 2) / size).clip(0, 1)
    centers, sides = corners.mean(1), corners[:, 1] - corners[:, 0]
    joints = people.keypoints.cpu().numpy() / size
    flags = joint_flags(people)
    rows = []
    for center, side, points, seen in zip(centers, sides, joints, flags, strict=True):
        is_there = (seen > 0) & ((points >= 0) & (points <= 1)).all(1)
        points = np.where(is_there[:, None], points, 0)
        boxes = " ".join(f"{number:.6f}" for number in (*center, *side))
        triples = " ".join(
            f"{x:.6f} {y:.6f} {flag}"
            for (x, y), flag in zip(points, np.where(is_there, seen, 0), strict=True)
        )
        rows.append(f"0 {boxes} {triples}")
    return "\n".join(rows) + ("\n" if rows else "")
