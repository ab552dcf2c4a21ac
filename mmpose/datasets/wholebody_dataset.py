"""COCO-WholeBody: body, feet, face and hands of a person in fields of their own."""

from typing import ClassVar

import numpy as np

from mmpose.registry import DATASETS

from .annotation_files import parse_numbers
from .coco_style import BaseCocoStyleDataset
from .people_records import flag_of

# part -> joints; the order is that of the 133
PARTS = {"foot": 6, "face": 68, "lefthand": 21, "righthand": 21}
NO_BODY = np.zeros((17, 3), np.float32)
MIN_CONFIDENCE = 0.5  # automatic hand joints may carry a confidence below 1 in place of v


def part_levels(levels: np.ndarray) -> np.ndarray:
    """Visibility levels of a face or hand in COCO's meaning.

    Args:
        levels: third values of its joints, (J,): 0, 1, 2, or a confidence between 0 and 1.

    Returns:
        (J,): 0 below a confidence of one half. Faces and automatic hands know no occlusion, all
        their levels are 1: then annotated joints count as seen, 2.
    """
    annotated = levels >= MIN_CONFIDENCE
    if levels.max(initial=0) < 2:
        return np.where(annotated, 2, 0).astype(np.float32)
    return levels * annotated


def join_parts(annotation: dict) -> dict:
    """An annotation of COCO-WholeBody with all 133 joints in ``keypoints``.

    Parts whose ``<part>_valid`` is false, or that are missing, are unannotated.

    Raises:
        ValueError: a part has another number of joints.
    """
    body = annotation.get("keypoints")
    if body is None and not any(annotation.get(f"{part}_kpts") for part in PARTS):
        return annotation
    joints = [parse_numbers(annotation, "keypoints").reshape(-1, 3)] if body else [NO_BODY]
    for part, num_joints in PARTS.items():
        field = f"{part}_kpts"
        is_valid = flag_of(annotation, f"{part}_valid")
        if not is_valid or annotation.get(field) is None or np.size(annotation[field]) == 0:
            joints.append(np.zeros((num_joints, 3), dtype=np.float32))
            continue
        triples = parse_numbers(annotation, field)
        if triples.size != 3 * num_joints:
            raise ValueError(
                f"{field} of annotation {annotation.get('id')} has {triples.size} numbers, "
                f"expected 3 for each of {num_joints} joints"
            )
        triples = triples.reshape(num_joints, 3)
        if part != "foot":  # feet are annotated by hand, with COCO's levels
            triples[:, 2] = part_levels(triples[:, 2])
        joints.append(triples)
    joints = np.concatenate(joints)  # (133, 3)
    return annotation | {"keypoints": joints, "num_keypoints": int((joints[:, 2] > 0).sum())}


@DATASETS.register_module()
class CocoWholeBodyDataset(BaseCocoStyleDataset):
    """COCO-WholeBody: 133 joints; people with any labelled joint of any part are used."""

    METAINFO: ClassVar[dict] = {"from_file": "coco_wholebody.py"}

    def read_content(self) -> dict[str, list[dict]]:
        """The file with the joints of all parts joined."""
        content = super().read_content()
        return content | {"annotations": [join_parts(person) for person in content["annotations"]]}
