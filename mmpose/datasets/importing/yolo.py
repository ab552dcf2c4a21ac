"""YOLO-pose and YOLO-seg folders, as ultralytics trains on them.

``data.yaml`` names folders of images, or text files that list them. The labels lie in ``labels/``
beside ``images/``, one text file an image, a row a person: class, then either the box and the
joints, or the corners of an outline. Numbers are shares of the image.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mmpose.datasets.image_files import read_image_shape
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.inputs import image_suffixes

from .people import Imported, ImportedImage, ImportedPerson, ReadOptions, is_person

FARTHEST = 2  # shares of an image; people may reach out of it, pixels are far more


def is_it(path: Path) -> bool:
    """Whether a path is a data.yaml, or a folder with one."""
    return _yaml_of(path) is not None


def read(path: Path, options: ReadOptions) -> Imported:
    """Read all splits that ``data.yaml`` names.

    Raises:
        ValueError: the file lacks what is needed, or a row has another length.
    """
    file = _yaml_of(path)
    content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    names = content.get("names", {})
    pairs = enumerate(names) if isinstance(names, list) else names.items()
    classes = {int(number): str(name) for number, name in pairs}
    labels = list(classes.values())
    people = {n for n, name in classes.items() if is_person(name, options, labels)}
    if not people:
        raise ValueError(f"{file}: none of {labels} is people; name some: --labels NAME ...")
    shape = content.get("kpt_shape")
    joints = _joint_names(content, options, shape[0]) if shape else []
    imported = Imported(joint_names=joints)
    places = list(_image_places(file, content, options))
    images = [image for place in places for image in _images_of(place)]
    if not images:
        raise ValueError(f"{file} names no images; looked in {list(map(str, places))}")
    for image in images:
        size = read_image_shape(image)
        if size is None:
            imported.odd["images that cannot be read, left out"] += 1
            continue
        name = os.path.relpath(image, options.images or file.parent)
        entry = ImportedImage(name, *size)
        imported.images.append(entry)
        label = _label_file(image)
        if not label.is_file():
            imported.note("images without a label file (nobody there)")
            continue
        for number, line in _rows_of(label, imported):
            _add_row(line, f"{label}:{number}", entry, people, shape, imported)
    return imported


def _rows_of(label: Path, imported: Imported) -> Iterator[tuple[int, str]]:
    """Numbers from 1 and text of the rows, each once, as ultralytics trains on them."""
    seen = set()
    for number, line in enumerate(label.read_text(encoding="utf-8").splitlines(), start=1):
        row = tuple(line.split())
        if row in seen:
            imported.note("rows that a file has twice, taken once")
        elif row:
            seen.add(row)
            yield number, line


def _add_row(
    line: str,
    place: str,
    image: ImportedImage,
    people: set[int],
    shape: list[int] | None,
    imported: Imported,
) -> None:
    try:
        kind, *numbers = (float(part) for part in line.split())
        kind = int(kind)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{place}: a row holds numbers alone, got {line.strip()!r}") from error
    if kind not in people:
        imported.note("things that are not people, left out")
        return
    places = numbers[:4] if shape else numbers
    outside = [share for share in places if not abs(share) <= FARTHEST]
    if outside:
        raise ValueError(
            f"{place}: {outside[0]:g} is no share of an image, they go from 0 to 1; divide pixels "
            "by the image's width and height"
        )
    size = np.array([image.width, image.height])
    expected = 4 + (shape[0] * shape[1] if shape else 0)
    if shape and len(numbers) == expected:
        image.people.append(_posed(numbers, size, shape, imported))
    elif not shape and len(numbers) == 4:
        image.people.append(ImportedPerson(bbox=_box(numbers, size)))
    elif len(numbers) >= 6 and len(numbers) % 2 == 0 and not shape:
        corners = np.array(numbers).reshape(-1, 2) * size
        image.people.append(ImportedPerson(polygons=[corners.ravel().tolist()]))
    else:
        wanted = f"{expected} numbers after the class" if shape else "a box or an outline"
        raise ValueError(f"{place}: expected {wanted}, got {len(numbers)}")


def _box(numbers: list[float], size: np.ndarray) -> list[float]:
    center, sides = np.array(numbers[:2]) * size, np.array(numbers[2:4]) * size
    return [*(center - sides / 2), *sides]


def _posed(
    numbers: list[float], size: np.ndarray, shape: list[int], imported: Imported
) -> ImportedPerson:
    table = np.array(numbers[4:]).reshape(shape)
    points = table[:, :2] * size
    # without a third number a joint at (0, 0) is none
    is_somewhere = (points != 0).any(1)
    flags = table[:, 2] if shape[1] == 3 else 2 * is_somewhere
    if (flags != flags.round()).any():  # yolo predict writes confidences there
        imported.note("people whose joints have confidences for flags, taken as seen")
        flags = 2 * (is_somewhere & (flags > 0))
    joints = {
        name: (float(x), float(y), int(flag))
        for name, (x, y), flag in zip(imported.joint_names, points, flags, strict=True)
        if flag > 0
    }
    return ImportedPerson(bbox=_box(numbers, size), joints=joints)


def _joint_names(content: dict[str, Any], options: ReadOptions, count: int) -> list[str]:
    given = options.joint_names or content.get("node_names") or content.get("kpt_names")
    if isinstance(given, dict):  # by class, as newer files have it
        given = next(iter(given.values()))
    if given is None and count == 17:
        given = parse_pose_metainfo({"from_file": "coco.py"})["keypoint_name2id"]
    if given is None or len(list(given)) != count:
        raise ValueError(
            f"data.yaml has kpt_shape of {count} joints and no names for them: give them, "
            "--joint-names nose left_eye ..."
        )
    return [str(name) for name in given]


def _yaml_of(path: Path) -> Path | None:
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    found = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else []
    return found[0] if len(found) == 1 else next((p for p in found if p.stem == "data"), None)


def _image_places(file: Path, content: dict[str, Any], options: ReadOptions) -> Iterator[Path]:
    """Folders of images, and text files that list them, of all splits, each once."""
    if options.images is not None:
        yield options.images
        return
    root = Path(content.get("path") or ".")
    root = root if root.is_absolute() and root.is_dir() else file.parent / root
    seen = set()
    for split in ("train", "val", "test"):
        named = content.get(split) or []
        for name in [named] if isinstance(named, str) else named:
            # Roboflow writes "../train/images" and means "train/images", as ultralytics knows
            names = (name, name.removeprefix("../"))
            places = (folder / n for n in names for folder in (root, file.parent))
            place = next((place for place in places if place.exists()), None)
            if place is not None and place.resolve() not in seen:
                seen.add(place.resolve())
                yield place


def _images_of(place: Path) -> list[Path]:
    if place.is_dir():
        return sorted(path for path in place.rglob("*") if _is_image(path))
    names = place.read_text(encoding="utf-8").splitlines()
    # those that are not there too: they are counted
    return [place.parent / name.strip() for name in names if name.strip()]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in image_suffixes() and path.is_file()


def _label_file(image: Path) -> Path:
    """``labels`` in the place of the last ``images`` of the path."""
    parts = list(image.with_suffix(".txt").parts)
    places = [n for n, part in enumerate(parts) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return Path(*parts)
