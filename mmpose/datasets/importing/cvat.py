"""CVAT's XML for images: boxes, polygons, masks, points and skeletons, joined by ``group_id``.

CVAT's COCO export is read as COCO; it leaves out people without a skeleton, the XML does not.
"""

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from pycocotools import mask as coco_mask

from .people import Imported, ImportedImage, ImportedPerson, ReadOptions, is_person


def is_it(path: Path) -> bool:
    """Whether an XML file has CVAT's root."""
    if path.suffix != ".xml" or not path.is_file():
        return False
    with path.open("rb") as file:
        return b"<annotations" in file.read(4096)


def read(path: Path, options: ReadOptions) -> Imported:
    """Read all images.

    Raises:
        ValueError: it is no whole XML, an XML of tracks in a video, or an image is damaged.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is no whole XML ({error}); export it again") from error
    if root.find("track") is not None:
        raise ValueError(f"{path} holds tracks of a video; export 'CVAT for images 1.1' instead")
    imported = Imported()
    bodies = [
        s.get("label", "") for s in root.iter() if s.tag in ("box", "polygon", "mask", "skeleton")
    ]
    names: dict[str, None] = {}
    for element in root.iter("image"):
        name = str(Path(element.get("name", "")))
        image = ImportedImage(name, int(element.get("height")), int(element.get("width")))
        imported.images.append(image)
        groups: dict[str, list] = defaultdict(list)
        for number, shape in enumerate(element):
            group = shape.get("group_id", "0")
            groups[group if group != "0" else f"alone {number}"].append(shape)
        for shapes in groups.values():
            try:
                person = _person(shapes, image, bodies, options, imported, names)
            except ValueError as error:  # numbers that are none, masks of another size
                raise ValueError(f"{path}: {name} is damaged ({error}); export it again") from error
            if person is not None:
                image.people.append(person)
    imported.joint_names = list(options.joint_names or names)
    return imported


def _person(
    shapes: list,
    image: ImportedImage,
    bodies: list[str],
    options: ReadOptions,
    imported: Imported,
    names: dict[str, None],
) -> ImportedPerson | None:
    bodily = [s for s in shapes if s.tag in ("box", "polygon", "mask", "skeleton")]
    if bodily and not any(is_person(s.get("label", ""), options, bodies) for s in bodily):
        imported.note("things that are not people, left out", len(shapes))
        return None
    person = ImportedPerson()
    for shape in shapes:
        numbers = shape.attrib
        if shape.tag == "box":
            if float(numbers.get("rotation", 0)):
                imported.note("turned boxes, taken as if they were not")
            x1, y1, x2, y2 = (float(numbers[k]) for k in ("xtl", "ytl", "xbr", "ybr"))
            person.add_box([x1, y1, x2 - x1, y2 - y1], imported.note)
        elif shape.tag == "polygon":
            person.polygons.append(_numbers(numbers["points"]))
        elif shape.tag == "mask":
            person.add_rle(_rle(numbers, image))
        elif shape.tag in ("skeleton", "points"):
            points = shape.findall("points") if shape.tag == "skeleton" else [shape]
            for point in points:
                _add_joint(person, point, imported, names)
        else:
            imported.note(f"shapes of type {shape.tag}, left out")
    if not (person.bbox or person.polygons or person.rle or person.joints):
        return None
    return person


def _add_joint(
    person: ImportedPerson, point: ElementTree.Element, imported: Imported, names: dict[str, None]
) -> None:
    name, numbers = point.get("label", ""), _numbers(point.get("points", ""))
    names.setdefault(name)
    if point.get("outside") == "1":
        return
    if len(numbers) != 2:
        imported.note("points of several places under one name, left out")
    elif name in person.joints:
        imported.note("joints that a person has twice, of which the first counts")
    else:
        person.joints[name] = (*numbers, 1 if point.get("occluded") == "1" else 2)


def _numbers(text: str) -> list[float]:
    return [float(number) for pair in text.split(";") for number in pair.split(",") if number]


def _rle(numbers: dict[str, str], image: ImportedImage) -> dict:
    """CVAT's runs of a window, row by row, background first, as COCO's mask of the image."""
    left, top, width, height = (int(numbers[k]) for k in ("left", "top", "width", "height"))
    runs = np.array([int(n) for n in numbers["rle"].split(",")])
    pixels = np.repeat(np.arange(len(runs)) % 2, runs).reshape(height, width).astype(np.uint8)
    whole = np.zeros((image.height, image.width), np.uint8, order="F")
    whole[top : top + height, left : left + width] = pixels
    encoded = coco_mask.encode(whole)
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}
