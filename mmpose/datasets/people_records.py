"""One annotated person of a file: every spelling of a field into one, or a refusal by name."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mmpose.structures.mask import normal_segmentation, segmentation_area, segmentation_bbox

from .oddities import Oddities

AREA_OF_BOX = 0.53  # how much of its box a person covers, COCO's mean
PER_JOINT = ("pad_to_contain", "visibility")  # numbers that follow the order of the joints
MAX_FLAG = 3  # 0 not labelled, 1 hidden, 2 seen, 3 outside the image (CropCOCO)


class FieldError(ValueError):
    """A field of an annotation cannot be read.

    Args:
        message: naming annotation, file and what is wrong.
        field: its name.
    """

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


def complete_person(
    record: dict, names: Sequence[str], order: Sequence[int] | None, odd: Oddities
) -> dict | None:
    """One annotation with the fields that :func:`complete_annotations` promises.

    Args:
        record: an entry of ``annotations``; left as it is.
        names: the joints that the file lists; may be empty.
        order: where the joints of the skeleton stand in the file; None keeps them.
        odd: counts what was unusual.

    Returns:
        None when neither a box nor a mask tells where the person is.

    Raises:
        FieldError: a field cannot be read; the message names annotation, file and field.
    """
    name = f"annotation {record.get('id')!r}"

    def read(field: str, reader: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return reader(*arguments)
        except ValueError as error:
            raise FieldError(f"{name} of {odd.source}: {error}", field) from error

    mask = read("segmentation", _mask, record.get("segmentation"))
    bbox = read("bbox", _bbox, record, odd)
    joints = read("keypoints", _joints, record.get("keypoints"), names, order)
    is_crowd = read("iscrowd", flag_of, record, "iscrowd")
    area = read("area", _area, record.get("area"))
    others = {
        field: read(field, _per_joint, record, field, len(joints) // 3, order)
        for field in PER_JOINT
    }
    # absent where it says nothing
    others["ignore"] = read("ignore", flag_of, record, "ignore") or None
    if bbox is None:
        bbox = segmentation_bbox(mask)
        if bbox is None:
            odd.add("people without a box, left out", name, record, lost=True)
            return None
        odd.add("people without a box, who get that of their mask", name, record)
    area = area or segmentation_area(mask) or AREA_OF_BOX * bbox[2] * bbox[3]
    return {
        **{name: value for name, value in record.items() if name not in others},
        **{name: value for name, value in others.items() if value is not None},
        "bbox": bbox,
        "segmentation": mask,
        "area": area,
        "iscrowd": is_crowd,
        "keypoints": joints,
        "num_keypoints": sum(flag > 0 for flag in joints[2::3]),
    }


def numbers_of(value: Any, field: str) -> np.ndarray:
    """A field as a flat float64 array; also nested lists and numbers written as text.

    Raises:
        ValueError: it holds something else than numbers.
    """
    try:
        return np.array(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{field} must be numbers, got {value!r:.60}") from error


def _mask(value: Any) -> list | dict | None:
    """None also for an RLE without a pixel; polygons are not drawn just to be counted."""
    mask = normal_segmentation(value)
    return None if isinstance(mask, dict) and not segmentation_area(mask) else mask


def _bbox(record: dict, odd: Oddities) -> list[float] | None:
    """x, y, w, h with w and h above 0; None where there is no box."""
    value = record.get("bbox")
    if value is None:
        return None
    numbers = numbers_of(value, "bbox")
    if numbers.size == 0:
        return None
    if numbers.size != 4 or not np.isfinite(numbers).all():
        raise ValueError(f"bbox must be four finite numbers x, y, w, h, got {value!r:.80}")
    if (numbers[2:] < 0).any():  # drawn from right to left, or upwards
        numbers[:2] += np.minimum(numbers[2:], 0)
        numbers[2:] = abs(numbers[2:])
        name = f"annotation {record.get('id')!r}"
        odd.add("boxes of a negative side, turned round", name, record)
    return numbers.tolist() if (numbers[2:] > 0).all() else None


def _joints(value: Any, names: Sequence[str], order: Sequence[int] | None) -> list[float]:
    """Flat x, y, flag of each joint in the wanted order; [] for none."""
    if value is None:
        return []
    if isinstance(value, dict):
        raise ValueError("keypoints must be a list x, y, flag of each joint, got a dict")
    triples = numbers_of(value, "keypoints")
    if triples.size == 0:
        return []
    if triples.size % 3 or (order is not None and triples.size != 3 * len(names)):
        expected = (
            f"{3 * len(names)} for the {len(names)} listed joints" if names else "3 per joint"
        )
        raise ValueError(f"keypoints has {triples.size} numbers, expected {expected}")
    triples = triples.reshape(-1, 3)
    flags = triples[:, 2]
    is_flag = flags == flags.clip(0, MAX_FLAG).round()
    if not is_flag.all():
        raise ValueError(
            f"keypoints has the flag {flags[~is_flag][0]:g}; flags are 0 (not labelled), 1 "
            "(hidden), 2 (seen) or 3 (outside); is this a result file?"
        )
    is_broken = ~np.isfinite(triples).all(1)
    if (is_broken & (flags > 0)).any():
        joint = int(np.flatnonzero(is_broken & (flags > 0))[0])
        raise ValueError(f"keypoints has a labelled joint, number {joint}, that is not finite")
    triples[is_broken] = 0  # not labelled: where it would be says nothing
    return triples[list(order)].ravel().tolist() if order is not None else triples.ravel().tolist()


def _per_joint(record: dict, field: str, num_joints: int, order: Sequence[int] | None) -> Any:
    """A list with an entry for each joint in the order of the joints; else the field as it is."""
    values = record.get(field)
    if not isinstance(values, list | tuple) or not num_joints:
        return values
    num_given = np.size(record["keypoints"]) // 3
    if len(values) != num_given:
        raise ValueError(
            f"{field} must have one number for each of {num_given} joints, got {len(values)}; "
            "leave it out where it is not known"
        )
    return list(values) if order is None else [values[place] for place in order]


def flag_of(record: dict, field: str) -> int:
    """A switch written as a number, text, bool or not at all: 0 or 1.

    Raises:
        ValueError: it says neither.
    """
    value = record.get(field)
    if value is None or value == "":
        return 0
    try:
        return int(float(value) != 0)
    except (TypeError, ValueError):
        if str(value).lower() in ("true", "false"):
            return int(str(value).lower() == "true")
    raise ValueError(f"{field} must be 0 or 1, got {value!r:.40}")


def _area(value: Any) -> float | None:
    """px² above 0, else None."""
    if value is None or value == "":
        return None
    try:
        area = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"area must be a number, got {value!r:.40}") from error
    return area if math.isfinite(area) and area > 0 else None
