"""What of an annotation is read as it stands although it is probably wrong."""

import numpy as np

from mmpose.structures.bbox import bbox_overlaps, bbox_xywh2xyxy
from mmpose.structures.mask import segmentation_bbox

from .faults import Level

AT_THE_CORNER = "labelled joints at (0, 0)"
LEAST_SIDE = 4.0  # px; a person of fewer has no joints to be told apart
FAR = 0.5  # of the box's width and height, how far outside it a joint may be
LEAST_AGREEMENT = 0.5  # IoU of the box with that of the mask
SAME_BOX = 0.95  # IoU from which two people of an image are likely one
OUTSIDE_FLAG = 3  # a joint that is labelled outside the image


def person_doubts(person: dict, image: dict) -> list[tuple[Level, str]]:
    """What looks wrong with one person.

    Args:
        person: a completed annotation.
        image: its entry of ``images``, completed.
    """
    if person["iscrowd"]:
        return []
    found = _joint_doubts(person, image) if person["num_keypoints"] else []
    if min(person["bbox"][2:]) < LEAST_SIDE:
        found.append((Level.DOUBTFUL, f"boxes with a side under {LEAST_SIDE:g} px"))
    around = segmentation_bbox(person["segmentation"])
    if around is not None:
        boxes = bbox_xywh2xyxy(np.array([person["bbox"], around], float))
        agreement = bbox_overlaps(boxes[:1], boxes[1:]).item()
        if agreement < LEAST_AGREEMENT:
            found.append(
                (Level.DOUBTFUL, f"boxes under an IoU of {LEAST_AGREEMENT} with the mask's")
            )
    return found


def _joint_doubts(person: dict, image: dict) -> list[tuple[Level, str]]:
    joints = np.reshape(person["keypoints"], (-1, 3))
    joints = joints[joints[:, 2] > 0]
    found = []
    if (joints[:, :2] == 0).all(1).any():
        found.append((Level.MISREAD, AT_THE_CORNER))
    inside = joints[joints[:, 2] != OUTSIDE_FLAG, :2]
    size = np.array([image["width"] or np.inf, image["height"] or np.inf])
    if (inside < 0).any() or (inside > size).any():
        found.append((Level.DOUBTFUL, "people with labelled joints outside the image"))
    low, sides = np.split(np.array(person["bbox"]), 2)
    # boxes are often those of what is seen of a person, joints go on behind others
    seen = joints[joints[:, 2] == 2, :2]
    beyond = np.maximum(low - seen, seen - low - sides)
    if (beyond > FAR * sides).any():
        found.append((Level.DOUBTFUL, f"people with seen joints {FAR} sides outside their box"))
    return found


def same_boxes(people: list[dict]) -> list[dict]:
    """Those people of one image whose box is that of one before, crowds aside."""
    people = [person for person in people if not person["iscrowd"]]
    boxes = bbox_xywh2xyxy(np.array([person["bbox"] for person in people], float).reshape(-1, 4))
    is_same = np.tril(bbox_overlaps(boxes, boxes) >= SAME_BOX, k=-1).any(1)
    return [person for person, same in zip(people, is_same, strict=True) if same]
