"""Label Studio's own JSON. Its COCO export mixes the joints of all people of an image.

Rectangles, polygons, brushes and key points are results of their own. What belongs to one person is
told by a relation, by ``parentID``, or, where neither is there, by the smallest box round a joint.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from .people import Imported, ImportedImage, ImportedPerson, ReadOptions, is_person

SHAPES = ("rectanglelabels", "polygonlabels", "keypointlabels", "brushlabels")


def is_it(path: Path) -> bool:
    """Whether a JSON file is a list of tasks."""
    if path.suffix != ".json" or not path.is_file():
        return False
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    is_list = isinstance(content, list) and bool(content)
    return is_list and isinstance(content[0], dict) and "annotations" in content[0]


def read(path: Path, options: ReadOptions) -> Imported:
    """Read all tasks; of several annotations of one task the last that was not cancelled counts."""
    tasks = json.loads(path.read_text(encoding="utf-8"))
    imported = Imported()
    labels = [
        label for task in tasks for label in _body_labels(_results(task, imported, peek=True))
    ]
    names: dict[str, None] = {}
    for task in tasks:
        results = _results(task, imported)
        sizes = {
            (r["original_height"], r["original_width"]) for r in results if "original_width" in r
        }
        if not sizes:
            imported.odd["tasks without any shape, left out (their size is unknown)"] += 1
            continue
        height, width = sizes.pop()
        image = ImportedImage(_file_name(task, options), int(height), int(width))
        imported.images.append(image)
        image.people = _people(results, labels, options, imported, names)
    imported.joint_names = list(options.joint_names or names)
    return imported


def _results(task: dict, imported: Imported, *, peek: bool = False) -> list[dict]:
    done = [a for a in task.get("annotations", ()) if not a.get("was_cancelled")]
    if len(done) > 1 and not peek:
        imported.odd["tasks annotated more than once, of which the last counts"] += 1
    return done[-1].get("result", []) if done else []


def _body_labels(results: list[dict]) -> list[str]:
    kinds = ("rectanglelabels", "polygonlabels", "brushlabels")
    return [label for r in results for kind in kinds for label in r.get("value", {}).get(kind, ())]


def _file_name(task: dict, options: ReadOptions) -> str:
    """The name of the image in what Label Studio made of it, often an address."""
    data = task.get("data", {})
    source = next(
        (v for k, v in data.items() if k in ("image", "img") and isinstance(v, str)), None
    )
    source = source or next((v for v in data.values() if isinstance(v, str) and "." in v), "")
    address = urlparse(source)
    local = parse_qs(address.query).get("d")  # /data/local-files/?d=folder/name.jpg
    name = unquote(local[0] if local else address.path)
    if "/upload/" in name:  # the name that the user gave, behind eight signs and a dash
        name = Path(name).name
        head, _, tail = name.partition("-")
        name = tail if len(head) == 8 and tail else name
    if options.images is not None and not (options.images / name).is_file():
        name = Path(name).name
    return name.lstrip("/") or f"task_{task.get('id', 'unknown')}"


def _people(
    results: list[dict],
    labels: list[str],
    options: ReadOptions,
    imported: Imported,
    names: dict[str, None],
) -> list[ImportedPerson]:
    people: dict[str, ImportedPerson] = {}
    parent = _parents(results)
    joints = []
    for result in results:
        kind, value = result.get("type"), result.get("value", {})
        if kind == "keypointlabels":
            joints.append(result)
        elif kind in SHAPES and any(is_person(n, options, labels) for n in value.get(kind, ())):
            own = _root(result["id"], parent)
            _add_shape(people.setdefault(own, ImportedPerson()), kind, result, imported)
        elif kind in SHAPES:
            imported.note("things that are not people, left out")
        elif kind not in ("relation", None):
            imported.note(f"results of type {kind}, left out")
    loose: dict[str, tuple] = {}
    for result in joints:
        name = result["value"]["keypointlabels"][0]
        names.setdefault(name)
        joint = (*_point(result), 2)
        owner = _root(result["id"], parent)
        owner = owner if owner in people else _smallest_box_round(joint, people)
        if owner is None:
            loose[name] = joint
            imported.note("joints in nobody's box, put together as one person")
        elif name in people[owner].joints:
            imported.note("joints that a person has twice, of which the first counts")
        else:
            people[owner].joints[name] = joint
    found = list(people.values())
    return found + ([ImportedPerson(joints=loose)] if loose else [])


def _parents(results: list[dict]) -> dict[str, str]:
    """What each shape belongs to: a joint to the other end of its relation, drawn either way."""
    joints = {r["id"] for r in results if r.get("type") == "keypointlabels"}
    parent: dict[str, str] = {}
    for result in results:
        if result.get("type") == "relation":
            child, owner = result["from_id"], result["to_id"]
            if owner in joints and child not in joints:
                child, owner = owner, child
            parent[child] = owner
        elif result.get("parentID"):
            parent[result["id"]] = result["parentID"]
    return parent


def _root(shape: str, parent: dict[str, str]) -> str:
    """The last that a shape belongs to: a joint may be of a polygon that is of a box."""
    seen = {shape}
    while (owner := parent.get(shape)) is not None and owner not in seen:
        seen.add(owner)
        shape = owner
    return shape


def _scaled(result: dict, x: float, y: float) -> tuple[float, float]:
    """From percent of the image to pixels."""
    return x * result["original_width"] / 100, y * result["original_height"] / 100


def _point(result: dict) -> tuple[float, float]:
    return _scaled(result, result["value"]["x"], result["value"]["y"])


def _add_shape(person: ImportedPerson, kind: str, result: dict, imported: Imported) -> None:
    value = result["value"]
    if kind == "rectanglelabels":
        if value.get("rotation"):
            imported.note("turned boxes, taken as if they were not")
        box = [*_point(result), *_scaled(result, value["width"], value["height"])]
        person.add_box(box, imported.note)
    elif kind == "polygonlabels":
        corners = [_scaled(result, x, y) for x, y in value["points"]]
        person.polygons.append([number for corner in corners for number in corner])
    else:
        imported.note("brush strokes, left out (export them as PNG)")


def _smallest_box_round(joint: tuple, people: dict[str, ImportedPerson]) -> str | None:
    areas: dict[str, float] = defaultdict(float)
    for key, person in people.items():
        box: Any = person.bbox
        if box is None and person.polygons:
            xs, ys = person.polygons[0][::2], person.polygons[0][1::2]
            box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
        if box and 0 <= joint[0] - box[0] <= box[2] and 0 <= joint[1] - box[1] <= box[3]:
            areas[key] = box[2] * box[3]
    return min(areas, key=areas.__getitem__) if areas else None
