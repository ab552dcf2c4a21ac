"""Faults of an annotation file: what the readers count, refuse or silently correct, by kind."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from .oddities import Oddities
from .people_records import FieldError


class Level(StrEnum):
    """What a fault does to a training, the worst first."""

    REFUSED = "refused"
    DROPPED = "dropped"
    MISREAD = "misread"
    DOUBTFUL = "doubtful"
    CORRECTED = "corrected"


MEANINGS = {
    Level.REFUSED: "training and tests stop at the file",
    Level.DROPPED: "people, masks or images are left out",
    Level.MISREAD: "taken as it stands, and almost certainly wrong",
    Level.DOUBTFUL: "taken as it stands; look at it",
    Level.CORRECTED: "read right here; other tools may misread it",
}
HARMFUL = (Level.REFUSED, Level.DROPPED, Level.MISREAD)
NO_MASK = "people without a mask"
EMPTY_RLE = f"{NO_MASK}: an RLE without a pixel"


@dataclass
class Fault:
    """All faults of one kind.

    Attributes:
        kind: in words.
        level: what follows.
        places: which records, a text each.
        records: the annotations or images, None where it is the file as a whole.
    """

    kind: str
    level: Level
    places: list[str] = field(default_factory=list)
    records: list[dict | None] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many."""
        return len(self.places)


class FaultList(Oddities):
    """Collects all that a reader finds; a record that is refused is left out and listed.

    Args:
        source: name of the file.
    """

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.by_kind: dict[str, Fault] = {}
        self.read_as: dict[int, dict] = {}  # by the identity of the entry of the file

    def put(self, level: Level, kind: str, where: str, record: dict | None = None) -> None:
        """Add one."""
        fault = self.by_kind.setdefault(kind, Fault(kind, level))
        fault.places.append(where)
        fault.records.append(record)

    def add(self, what: str, where: str, record: dict | None = None, *, lost: bool = False) -> None:
        """What a reader counts."""
        self.put(Level.DROPPED if lost else Level.CORRECTED, what, where, record)

    def refuse(self, error: ValueError, record: dict) -> None:
        """An annotation that cannot be read."""
        what = error.field if isinstance(error, FieldError) else "an annotation"
        self.put(Level.REFUSED, f"{what} that cannot be read", str(error), record)

    def see(self, record: dict, person: dict) -> None:
        """Compare what an annotation says with what was read."""
        self.read_as[id(record)] = person
        for kind in corrections(record, person):
            self.put(Level.CORRECTED, kind, name_of(record), record)

    def tell(self) -> None:
        """Nothing: the list is shown as a whole."""

    @property
    def faults(self) -> list[Fault]:
        """The worst first, then the most frequent."""
        order = list(Level)
        ranks = {
            kind: (order.index(fault.level), -fault.count, kind)
            for kind, fault in self.by_kind.items()
        }
        return [self.by_kind[kind] for kind in sorted(ranks, key=ranks.__getitem__)]


def name_of(record: dict) -> str:
    """How an annotation or image is called in a list."""
    if "file_name" in record:
        return f"image {record.get('id')!r}, {record['file_name']}"
    return f"annotation {record.get('id')!r} of image {record.get('image_id')!r}"


def corrections(record: dict, person: dict) -> list[str]:
    """What a reader took otherwise than an annotation says, without a word.

    Args:
        record: an entry of ``annotations``.
        person: the same, completed.
    """
    found = []
    area = record.get("area")
    if area in (None, ""):
        found.append(f"{_absent(record, 'area')}: the mask's, else 0.53 of the box")
    elif not float(area) > 0:
        found.append("area of 0 or less: the mask's, else 0.53 of the box")
    if record.get("iscrowd") in (None, ""):
        found.append(f"{_absent(record, 'iscrowd')}: taken as 0")
    stated = record.get("num_keypoints")
    if stated is not None and str(stated) != str(person["num_keypoints"]):
        found.append("num_keypoints that is not the number of labelled joints")
    joints = record.get("keypoints")
    if joints and isinstance(joints[0], list | tuple):
        found.append("keypoints in nested lists")
    if any(_is_text(record.get(name)) for name in ("area", "bbox", "keypoints", "iscrowd")):
        found.append("numbers written as text")
    mask = _spelling(record, person["segmentation"])
    return found + [mask] * (mask is not None)


def _absent(record: dict, name: str) -> str:
    return f"{name} {'null' if name in record else 'missing'}"


def _is_text(value: Any) -> bool:
    first = value[0] if isinstance(value, list | tuple) and value else value
    return isinstance(first, str) and first != ""


def _spelling(record: dict, mask: Any) -> str | None:
    """How a mask is written where that is unusual, or why there is none."""
    value = record.get("segmentation")
    if mask is None:
        if value is None:
            return f"{NO_MASK}: {_absent(record, 'segmentation')}"
        if isinstance(value, dict):
            return EMPTY_RLE
        is_empty = all(isinstance(part, list | tuple) and not part for part in value)
        return f"{NO_MASK}: {'empty list' if is_empty else 'polygons under three corners'}"
    if isinstance(value, dict):
        return None
    first = value[0]
    if not isinstance(first, list | tuple | np.ndarray):
        return "masks as one flat list"
    if (len(first) and np.ndim(first[0])) or len(first) == 2:
        return "masks as lists of points"
    return None
