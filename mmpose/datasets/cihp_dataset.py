"""CIHP: crowds with masks but no joints; a pose model's predictions stand in for these."""

from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pycocotools import mask as coco_mask

from mmpose.registry import DATASETS

from .annotation_files import parse_numbers, read_json_list, require_fields
from .coco_style import BaseCocoStyleDataset

MIN_OVERLAP = 0.5  # a pose belongs to a person when their boxes overlap by at least this IoU


def pseudo_levels(
    presence: np.ndarray, visibility: np.ndarray | None, threshold: float
) -> np.ndarray:
    """COCO's visibility levels of predicted joints.

    Args:
        presence: probability that each joint is there, (K,).
        visibility: probability that it is seen, (K,); None takes all as seen.
        threshold: presence below it is unlabelled.

    Returns:
        (K,): 0 unlabelled, 1 hidden (visibility below one half), 2 seen.
    """
    seen = np.ones_like(presence) if visibility is None else visibility >= 0.5
    return np.where(presence >= threshold, 1 + seen, 0).astype(np.float32)


def read_poses(
    content: dict[str, list[dict]], root: str, file: str | None, threshold: float
) -> dict[str, list[dict]]:
    """A data set's content with the poses of a result file under its root; None: as it is.

    Args:
        content: of an annotation file in COCO's format.
        root: folder of the data set.
        file: a COCO result file in it.
        threshold: see `pseudo_levels`.

    Raises:
        ValueError: a record lacks a field.
    """
    if file is None:
        return content
    people = attach_poses(content["annotations"], read_json_list(Path(root, file)), threshold)
    return content | {"annotations": people}


def attach_poses(people: list[dict], poses: list[dict], threshold: float) -> list[dict]:
    """People of COCO's format with the keypoints of the poses that overlap them most.

    Args:
        people: annotations with ``image_id`` and ``bbox`` (left, top, width, height).
        poses: entries of a COCO result file: ``image_id``, ``bbox``, ``keypoints`` (x, y,
            presence of each joint) and, where predicted, ``visibility`` (K).
        threshold: see `pseudo_levels`.

    Returns:
        The people in their order; those whom no pose overlaps enough have no ``keypoints``.

    Raises:
        ValueError: a record lacks a field.
    """
    poses_of = defaultdict(list)
    for index, pose in enumerate(poses):
        require_fields(pose, ("image_id", "bbox", "keypoints"), f"pose {index}")
        poses_of[pose["image_id"]].append(pose)
    people_of = defaultdict(list)
    for index, person in enumerate(people):
        require_fields(person, ("image_id", "bbox"), f"person {index}")
        people_of[person["image_id"]].append(index)
    answer = list(people)
    for image_id, indices in people_of.items():
        candidates = poses_of.get(image_id, [])
        if not candidates:
            continue
        boxes = [
            np.array([record["bbox"] for record in records], dtype=np.float64)
            for records in ([people[i] for i in indices], candidates)
        ]
        overlaps = np.array(coco_mask.iou(*boxes, [0] * len(candidates)))  # (N, P)
        for index, row in zip(indices, overlaps, strict=True):
            if row.max() >= MIN_OVERLAP:
                answer[index] = people[index] | _labels(candidates[row.argmax()], threshold)
    return answer


def _labels(pose: dict, threshold: float) -> dict[str, Any]:
    triples = parse_numbers(pose, "keypoints").reshape(-1, 3).copy()
    visibility = parse_numbers(pose, "visibility") if "visibility" in pose else None
    triples[:, 2] = pseudo_levels(triples[:, 2], visibility, threshold)
    return {"keypoints": triples, "num_keypoints": int((triples[:, 2] > 0).sum())}


@DATASETS.register_module()
class CIHPDataset(BaseCocoStyleDataset):
    """CIHP in COCO's format: masks and boxes, with 17 pseudo-keypoints.

    Args:
        keypoints_file: predicted poses of the annotated boxes, relative to ``data_root``: a COCO
            result file, as `CocoMetric` writes with ``outfile_prefix``. None: the annotations
            carry ``keypoints`` already.
        presence_thr: joints whose presence is below are unlabelled.
        others: those of `BaseCocoStyleDataset`.
    """

    METAINFO: ClassVar[dict] = {"from_file": "cihp.py"}

    def __init__(
        self, keypoints_file: str | None = None, presence_thr: float = 0.5, **others: Any
    ) -> None:
        self.keypoints_file = keypoints_file
        self.presence_thr = presence_thr
        super().__init__(**others)

    def read_content(self) -> dict[str, list[dict]]:
        """The file with a pose for each person who has one."""
        content = super().read_content()
        return read_poses(content, self.data_root, self.keypoints_file, self.presence_thr)
