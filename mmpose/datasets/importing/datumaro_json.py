"""Datumaro's own JSON: ``annotations/SUBSET.json`` of a folder.

Its COCO export marks masks as crowds and leaves out people without joints; its own format does
neither. People are shapes of one group; a shape of group 0 stands alone.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from .people import Imported, ImportedImage, ImportedPerson, ReadOptions, is_person


def is_it(path: Path) -> bool:
    """Whether a path is such a file, or a folder with some."""
    return bool(_files(path))


def read(path: Path, options: ReadOptions) -> Imported:
    """Read all subsets."""
    imported = Imported()
    for file in _files(path):
        content = json.loads(file.read_text(encoding="utf-8"))
        categories = content.get("categories", {})
        labels = [label["name"] for label in categories.get("label", {}).get("labels", [])]
        used = [
            labels[a["label_id"]]
            for item in content["items"]
            for a in item["annotations"]
            if isinstance(a.get("label_id"), int) and a["type"] in ("bbox", "polygon", "mask")
        ]
        for point in categories.get("points", {}).get("items", []):
            names = [name for name in point.get("labels", []) if name not in imported.joint_names]
            imported.joint_names += names
            links = [tuple(n - 1 for n in pair) for pair in point.get("joints", [])]
            imported.skeleton += [link for link in links if link not in imported.skeleton]
        for item in content["items"]:
            _add_item(item, labels, used, options, imported)
    imported.choose_joints(options.joint_names)
    return imported


def _add_item(
    item: dict[str, Any],
    labels: list[str],
    used: list[str],
    options: ReadOptions,
    imported: Imported,
) -> None:
    media = item.get("image") or item.get("media") or {}
    size = media.get("size")
    if not size:
        imported.odd["items without the size of their image, left out"] += 1
        return
    name = media.get("path") or f"{item['id']}.jpg"
    image = ImportedImage(name, int(size[0]), int(size[1]))
    imported.images.append(image)
    groups: dict[Any, list] = defaultdict(list)
    for number, shape in enumerate(item["annotations"]):
        groups[shape.get("group") or f"alone {number}"].append(shape)
    for shapes in groups.values():
        kinds = [labels[s["label_id"]] for s in shapes if isinstance(s.get("label_id"), int)]
        if kinds and not any(is_person(kind, options, used or labels) for kind in kinds):
            imported.note("things that are not people, left out", len(shapes))
            continue
        person = ImportedPerson()
        for shape in shapes:
            _add_shape(person, shape, imported)
        if person.bbox or person.polygons or person.rle or person.joints:
            image.people.append(person)


def _add_shape(person: ImportedPerson, shape: dict[str, Any], imported: Imported) -> None:
    kind = shape["type"]
    # in attributes, as datumaro keeps what COCO says of crowds
    person.is_crowd |= bool(shape.get("attributes", {}).get("is_crowd", False))
    if kind == "bbox":
        person.add_box(shape["bbox"], imported.note)
    elif kind == "polygon":
        person.polygons.append(shape["points"])
    elif kind == "mask":
        person.add_rle(shape["rle"])
    elif kind == "points":
        points, flags = shape["points"], shape.get("visibility") or []
        for n, name in enumerate(imported.joint_names):
            flag = int(flags[n]) if n < len(flags) else 2
            if 2 * n + 1 < len(points) and flag > 0:
                person.joints[name] = (points[2 * n], points[2 * n + 1], flag)
    else:
        imported.note(f"shapes of type {kind}, left out")


def _files(path: Path) -> list[Path]:
    candidates = [path] if path.suffix == ".json" else sorted(path.glob("annotations/*.json"))
    return [file for file in candidates if file.is_file() and _is_datumaro(file)]


def _is_datumaro(file: Path) -> bool:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(content, dict) and "items" in content and "categories" in content
