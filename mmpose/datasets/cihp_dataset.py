"""CIHP: crowds with masks but no joints; a pose model's predictions stand in for these."""

from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pycocotools import mask as coco_mask

from mmpose.registry import DATASETS

from .annotation_files import data_path, parse_numbers, read_json_list
from .coco_file import CocoContent
from .coco_style import BaseCocoStyleDataset
from .result_records import complete_results

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
    content: CocoContent, path: str | Path, num_keypoints: int, threshold: float
) -> CocoContent:
    """A data set's content with the poses of a result file.

    Args:
        content: of an annotation file, completed.
        path: of a COCO result file with ``bbox`` and ``keypoints``.
        num_keypoints: K of the skeleton.
        threshold: see `pseudo_levels`.

    Raises:
        ValueError: a result cannot be used, or is of another skeleton.
    """
    poses = complete_results(read_json_list(path), content, str(path), needs=("bbox", "keypoints"))
    for pose in poses:
        if len(pose["keypoints"]) != 3 * num_keypoints:
            raise ValueError(
                f"{path} has poses of {len(pose['keypoints']) // 3} joints, such as one of image "
                f"{pose['image_id']!r}, the metainfo {num_keypoints}; convert them, or give the "
                "data set the metainfo of their skeleton"
            )
    people = attach_poses(content["annotations"], poses, threshold)
    return CocoContent({**content, "annotations": people})


def attach_poses(people: list[dict], poses: list[dict], threshold: float) -> list[dict]:
    """People with the keypoints of the poses that overlap them most.

    Args:
        people: annotations with ``image_id`` and ``bbox`` (left, top, width, height).
        poses: results (`complete_results`) with ``image_id``, ``bbox``, ``keypoints`` (x, y,
            presence of each joint, 3K) and, where predicted, ``visibility`` (K).
        threshold: see `pseudo_levels`.

    Returns:
        The people in their order, with ``keypoints`` (3K numbers x, y, flag) and
        ``num_keypoints``; those whom no pose overlaps enough are left as they are.

    Raises:
        ValueError: ``visibility`` is not one number per joint.
    """
    poses_of = defaultdict(list)
    for pose in poses:
        poses_of[pose["image_id"]].append(pose)
    people_of = defaultdict(list)
    for index, person in enumerate(people):
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
    triples = np.reshape(pose["keypoints"], (-1, 3)).astype(np.float32)
    visibility = pose.get("visibility")
    if visibility is not None:
        visibility = parse_numbers(pose, "visibility")
        if len(visibility) != len(triples):
            raise ValueError(
                f"a pose of image {pose['image_id']!r} has visibility of {len(visibility)} joints "
                f"and {len(triples)} joints; expected one number per joint"
            )
    triples[:, 2] = pseudo_levels(triples[:, 2], visibility, threshold)
    return {
        "keypoints": triples.ravel().tolist(),
        "num_keypoints": int((triples[:, 2] > 0).sum()),
    }


@DATASETS.register_module()
class CIHPDataset(BaseCocoStyleDataset):
    """CIHP in COCO's format: masks and boxes, with 17 pseudo-keypoints.

    Args:
        keypoints_file: predicted poses of the annotated boxes (`data_path`): a COCO result file,
            as `CocoMetric` writes with ``outfile_prefix``. None: the annotations carry
            ``keypoints`` already.
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

    def read_content(self) -> CocoContent:
        """The file with a pose for each person who has one."""
        content = super().read_content()
        if self.keypoints_file is None:
            return content
        path = data_path(self.data_root, self.keypoints_file)
        return read_poses(content, path, len(self.joint_names), self.presence_thr)
