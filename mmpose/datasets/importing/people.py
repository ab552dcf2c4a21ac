"""What the readers of all formats make: images, people with joints by name, and what was odd."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from mmpose.datasets.people_records import AREA_OF_BOX

Joint = tuple[float, float, int]  # x, y in pixels; 1 occluded, 2 seen
Note = Callable[[str, int], None]  # what was odd, and how often
NOWHERE = "people without box, mask or joints, left out"


@dataclass(frozen=True)
class ReadOptions:
    """What a format does not say of itself.

    Attributes:
        images: folder of the images; None: where the file says, or beside it.
        joint_names: of formats that number joints (YOLO); None: their own list, or COCO's 17.
        labels: names that are people; None: person and its like, or the only name there is.
    """

    images: Path | None = None
    joint_names: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None


@dataclass
class ImportedPerson:
    """One person.

    Attributes:
        bbox: xywh, pixels; None: taken from the mask, or round the joints.
        polygons: outlines, a flat list x, y, x, y, ... each.
        rle: a mask in COCO's text form; what the polygons hold is added to it.
        joints: by name, those that are annotated.
        is_crowd: whether it stands for a group.
    """

    bbox: Sequence[float] | None = None
    polygons: list[list[float]] = field(default_factory=list)
    rle: dict[str, Any] | None = None
    joints: dict[str, Joint] = field(default_factory=dict)
    is_crowd: bool = False

    def add_box(self, bbox: Sequence[float], note: Note) -> None:
        """Take a box xywh, in place of one before, which is told."""
        note("boxes that a person has twice, of which the last counts", int(self.bbox is not None))
        self.bbox = bbox

    def add_rle(self, rle: dict[str, Any]) -> None:
        """Join a mask in COCO's text form to those before: someone behind a post has two."""
        self.rle = rle if self.rle is None else _union([self.rle, rle])


@dataclass
class ImportedImage:
    """One image: its file as COCO shall name it, its (height, width), people, what was odd."""

    file_name: str
    height: int
    width: int
    people: list[ImportedPerson] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)


@dataclass
class Imported:
    """All that a format gave.

    Attributes:
        images: in the order of the format.
        joint_names: in their order; empty without joints.
        skeleton: pairs of places in ``joint_names``.
        odd: what was left out or changed -> how often; see :meth:`note`.
    """

    images: list[ImportedImage] = field(default_factory=list)
    joint_names: list[str] = field(default_factory=list)
    skeleton: list[tuple[int, int]] = field(default_factory=list)
    odd: Counter = field(default_factory=Counter)

    @property
    def num_people(self) -> int:
        """People of all images, those aside who have no place."""
        return sum(len(image.people) for image in self.images) - self.odd[NOWHERE]

    def note(self, what: str, count: int = 1, image: ImportedImage | None = None) -> None:
        """Count what is odd in an image (None: the last one), which is then drawn early."""
        image = self.images[-1] if image is None else image
        self.odd[what] += count
        if count and what not in image.odd:
            image.odd.append(what)

    def note_same_names(self) -> None:
        """Count images whose name came before, of which one may have the people of another."""
        seen: set[str] = set()
        for image in self.images:
            if image.file_name in seen:
                self.note("images of a name that another has, see whether they are one", 1, image)
            seen.add(image.file_name)

    def choose_joints(self, names: Sequence[str] | None) -> None:
        """Take another list of joints, with the limbs between those that it has; None keeps it."""
        if names is None:
            return
        place = {name: n for n, name in enumerate(names)}
        limbs = [[place.get(self.joint_names[end]) for end in limb] for limb in self.skeleton]
        self.skeleton = [tuple(limb) for limb in limbs if None not in limb]
        self.joint_names = list(names)


def to_coco(imported: Imported) -> dict[str, Any]:
    """A COCO annotation file, ready for JSON.

    A person with neither box nor mask nor joint is left out; so is a joint outside the list of
    names. Both are counted in ``odd``.
    """
    names = imported.joint_names
    category: dict[str, Any] = {"id": 1, "name": "person", "supercategory": "person"}
    if names:
        category["keypoints"] = list(names)
        category["skeleton"] = [[start + 1, end + 1] for start, end in imported.skeleton]
    images, annotations = [], []
    for number, image in enumerate(imported.images, start=1):
        sizes = {"height": image.height, "width": image.width}
        images.append({"id": number, "file_name": image.file_name, **sizes})
        note = partial(imported.note, image=image)
        for person in image.people:
            entry = _annotation(person, image, names, note)
            if entry is not None:
                place = {"id": len(annotations) + 1, "image_id": number, "category_id": 1}
                annotations.append(place | entry)
    return {"images": images, "annotations": annotations, "categories": [category]}


def _annotation(
    person: ImportedPerson, image: ImportedImage, names: Sequence[str], note: Note
) -> dict[str, Any] | None:
    entry: dict[str, Any] = {}
    joints = _joint_row(person.joints, names, note)
    area, box = _mask(person, image, entry)
    if person.bbox is not None:
        box = [float(number) for number in person.bbox]
    elif box is None:
        box = _round_joints(person.joints)
        note("boxes drawn round joints", int(box is not None))
    if box is None or not np.isfinite(box).all() or min(box[2:]) <= 0:
        note(NOWHERE, 1)
        return None
    entry["bbox"] = [round(number, 3) for number in box]
    # as all readers here take it, so that a format with areas and one without give one OKS
    entry["area"] = round(float(area or AREA_OF_BOX * box[2] * box[3]), 3)
    entry["iscrowd"] = int(person.is_crowd)
    if names:
        entry["keypoints"] = joints
        entry["num_keypoints"] = sum(flag > 0 for flag in joints[2::3])
    return entry


def _mask(
    person: ImportedPerson, image: ImportedImage, entry: dict
) -> tuple[float | None, list[float] | None]:
    """Set ``segmentation``; area in px² and box xywh, None without a mask."""
    polygons = [[round(float(n), 3) for n in p] for p in person.polygons if len(p) >= 6]
    masks = coco_mask.frPyObjects(polygons, image.height, image.width) if polygons else []
    masks += [person.rle] if person.rle is not None else []
    if not masks:
        entry["segmentation"] = []
        return None, None
    rle = masks[0] if len(masks) == 1 else _union(masks)
    entry["segmentation"] = polygons if person.rle is None else rle
    area = float(coco_mask.area(rle))
    return (area, [float(n) for n in coco_mask.toBbox(rle)]) if area else (None, None)


def _union(masks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    joined = coco_mask.merge(masks)
    return joined | {"counts": joined["counts"].decode()}  # as text, which JSON takes


def _joint_row(joints: Mapping[str, Joint], names: Sequence[str], note: Note) -> list[float]:
    row: list[float] = []
    for name in names:
        x, y, flag = joints.get(name, (0, 0, 0))
        is_there = flag > 0 and np.isfinite((x, y)).all()
        row += [round(float(x), 3), round(float(y), 3), int(flag)] if is_there else [0.0, 0.0, 0]
    note("joints of names that the list lacks, left out", len(set(joints) - set(names)))
    return row


def _round_joints(joints: Mapping[str, Joint]) -> list[float] | None:
    points = np.array([joint[:2] for joint in joints.values() if joint[2] > 0])
    points = points[np.isfinite(points).all(-1)] if len(points) else points
    if len(points) == 0:
        return None
    low, high = points.min(0), points.max(0)
    return [*low, *np.maximum(high - low, 1)]


def is_person(label: str, options: ReadOptions, all_labels: Sequence[str]) -> bool:
    """Whether a label of a tool means people.

    Args:
        label: as the tool writes it.
        options: ``labels`` decides where it is given.
        all_labels: every label of the file: where there is only one, it is people.
    """
    if options.labels is not None:
        return label in options.labels
    words = {"person", "people", "human", "pedestrian", "persons", "body", "man", "woman"}
    return label.strip().lower() in words or len(set(all_labels)) == 1
