"""What ultralytics writes about images, read as COCO results; ultralytics itself is not needed.

A text file an image (``yolo predict save_txt=True save_conf=True``), a row each: class, then shares
of the image, then the confidence. The shares are the centre and sides of the box (detect), these
and the joints (pose), or the corners of one outline (segment), whose box is taken round it. Nobody
found is no file. Or a JSON file an image, ``results[0].to_json()``, in pixels.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmpose.datasets.image_names import base_name
from mmpose.structures.mask import MIN_CORNERS

PERSON = 0  # of models trained on COCO, whose own files count people as 1
JOINTS = 17
# numbers of a row with confidence; joints have two or three
ROWS = {"detect": (6,), "pose": (6 + 3 * JOINTS, 6 + 2 * JOINTS)}
TASKS = (*ROWS, "segment")
MARGIN = 1e-3  # shares are written with six digits, boxes may be rounded


def read_ultralytics(
    folder: Path, images: Sequence[dict], source: str, *, task: str | None = None
) -> list[dict[str, Any]]:
    """The detections of a folder as COCO results, of all classes.

    Args:
        folder: of ``NAME.txt`` files, or of ``NAME.json`` files.
        images: entries of the annotation file, with ``id``, ``file_name``, ``width``, ``height``.
        source: the annotation file's name, for messages.
        task: of text files, which do not say it: ``detect``, ``segment`` or ``pose``.

    Returns:
        ``image_id``, ``category_id`` (the class), ``bbox`` (xywh, image pixels), ``score`` and,
        where outlines are known, ``segmentation``. Files of other images are left out and told.

    Raises:
        ValueError: the folder is of no image, an image has no size, two have one name, or a file
            has another content; names file and row.
    """
    files = sorted(folder.glob("*.txt")) or sorted(folder.glob("*.json"))
    if not files:
        raise ValueError(f"{folder} has no .txt and no .json file; take yolo's labels folder")
    if files[0].suffix == ".txt" and task not in TASKS:
        raise ValueError(f"text files do not say what they hold: set task to one of {TASKS}")
    known = _by_stem(images)
    mine = [file for file in files if file.stem in known]
    if not mine:
        raise ValueError(
            f"no file of {folder} is named as an image of {source}: the first are "
            f"{files[0].name} and {next(iter(known), 'none')}"
        )
    if len(mine) < len(files):
        print_log(
            f"{folder}: {len(files) - len(mine)} files are of no image of {source}, left out",
            logger="current",
            level=logging.WARNING,
        )
    results = []
    for file in mine:
        image, size = _image_of(file, known[file.stem], source)
        rows = _text_rows(file, task, size) if file.suffix == ".txt" else _json_rows(file, size)
        results += [{"image_id": image, **row} for row in rows]
    if task == "segment" and results and not any("bbox" in row for row in results):
        raise ValueError(
            f"no row of {folder} has an outline of {MIN_CORNERS} corners; is its task 'detect'?"
        )
    return [row for row in results if "bbox" in row]


def match_stems(entries: Sequence[dict], images: Sequence[dict], source: str) -> list[dict]:
    """Results of the images, by ``file_name`` where given, else by id or, as in yolo's, stem.

    ``yolo val save_json=True`` takes the file's stem for the id, as a number where it is one, and
    adds ``file_name`` in newer versions.

    Args:
        entries: results.
        images: entries of the annotation file.
        source: name of the results, for messages.

    Returns:
        Copies with the ids of the images; results of other images are left out.

    Raises:
        ValueError: they are of no image, the id of one image is the name of another, or a name is
            that of two.
    """
    ids, known = {str(image["id"]): image for image in images}, _by_stem(images)
    numbered: dict[str, list[dict]] = {}  # 1 may be 1.jpg or 0001.jpg
    for stem, found in known.items():
        if stem.isdecimal():
            numbered.setdefault(str(int(stem)), []).extend(found)
    matched = []
    for entry in entries:
        written = str(entry["image_id"])
        name, by_id = entry.get("file_name", written), None
        found = None if isinstance(entry["image_id"], int) else known.get(written)
        if "file_name" in entry:
            found = known.get(_stem(name))
        else:
            by_id, found = ids.get(written), found or numbered.get(written)
        by_name = _the_one(found, name, source) if found else None
        if by_id and by_name and by_id is not by_name:
            raise ValueError(
                f"{source}: image_id {written} is the id of {by_id.get('file_name')} and the name "
                f"of {by_name['file_name']}; leave ann_file out if it is the id"
            )
        if image := by_id or by_name:
            matched.append({**entry, "image_id": image["id"]})
    if entries and not matched:
        raise ValueError(
            f"{source} has no image of the annotations: its first is {entries[0]['image_id']!r}, "
            f"theirs {next(iter(known), 'none')!r}; take results of the same images"
        )
    return matched


def _by_stem(images: Sequence[dict]) -> dict[str, list[dict]]:
    known: dict[str, list[dict]] = {}
    for image in images:
        known.setdefault(_stem(image.get("file_name", "")), []).append(image)
    return known


def _stem(file_name: str) -> str:
    return Path(base_name(str(file_name))).stem


def _the_one(found: list[dict], name: str, source: str) -> dict:
    """The image of a name; of several that which is called so with its folder."""
    same = [image for image in found if image["file_name"] == name]
    if len(found) > 1 and len(same) != 1:
        raise ValueError(
            f"{name} may be of {found[0]['file_name']} or {found[1]['file_name']} of {source}; "
            "evaluate each folder alone"
        )
    return (same or found)[0]


def _image_of(file: Path, found: list[dict], source: str) -> tuple[Any, np.ndarray]:
    """The id of a file's image, and its width and height."""
    image = _the_one(found, file.name, source)
    size = np.array([image.get("width") or 0, image.get("height") or 0], float)
    if not (size > 0).all():
        raise ValueError(f"{source}: image {image['id']!r} has no width and height, needed here")
    return image["id"], size


def _text_rows(file: Path, task: str, size: np.ndarray) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{file}, row {number}"
        try:
            kind, *shares, confidence = (float(part) for part in line.split())
            kind = int(kind)
        except (OverflowError, ValueError) as error:
            raise ValueError(f"{place} is no row of numbers: {line.strip()[:60]!r}") from error
        _check_count(len(shares) + 2, task, place)
        outline = np.array(shares if task == "segment" else shares[:4])
        if not ((outline >= -MARGIN) & (outline <= 1 + MARGIN)).all():
            worst = outline[np.argmax(abs(outline - 0.5))]
            raise ValueError(f"{place}: {worst:g} is no share of an image, they go from 0 to 1")
        if not 0 <= confidence <= 1:
            raise ValueError(f"{place}: the last number, {confidence:g}, is no confidence")
        yield {"category_id": kind, "score": confidence, **_place(outline, task, size)}


def _check_count(count: int, task: str, place: str) -> None:
    def fits(count: int) -> bool:
        return count in ROWS[task] if task in ROWS else count % 2 == 0  # any number of corners

    if fits(count):
        return
    if fits(count + 1):
        hint = "there is no confidence: run yolo with save_conf=True, and predict, not track"
    elif fits(count - 1):
        hint = "there is a track id behind the confidence: run yolo predict, not track"
    else:
        hint = f"'{task}' has {' or '.join(map(str, ROWS[task]))}: set the task that was run"
    raise ValueError(f"{place} has {count} numbers: {hint}")


def _place(shares: np.ndarray, task: str, size: np.ndarray) -> dict[str, Any]:
    """Box and outline in pixels; nothing of an outline that encloses nothing."""
    if task != "segment":
        center, sides = shares[:2] * size, shares[2:] * size
        return {"bbox": [*(center - sides / 2).tolist(), *sides.tolist()]}
    return _outlined(shares.reshape(-1, 2) * size)


def _outlined(corners: np.ndarray) -> dict[str, Any]:
    if len(corners) < MIN_CORNERS:
        return {}
    start, end = corners.min(0), corners.max(0)
    return {
        "bbox": [*start.tolist(), *(end - start).tolist()],
        "segmentation": [corners.ravel().tolist()],
    }


def _json_rows(file: Path, size: np.ndarray) -> Iterator[dict[str, Any]]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        rows = [(_json_row(entry), "x3" in entry["box"]) for entry in entries]
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} is no list that results[0].to_json() gave: {type(error).__name__} {error}"
        ) from error
    for number, (row, is_oriented) in enumerate(rows):
        x, y, width, height = row["bbox"]
        corners = np.array([[x, y], [x + width, y + height]])
        _check_pixels(corners, is_oriented, size, f"{file}, entry {number}")
        if row.get("segmentation", True):  # text files leave those of an empty mask out too
            yield row


def _json_row(entry: dict[str, Any]) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(entry["box"][side]) for side in ("x1", "y1", "x2", "y2"))
    row = {"category_id": int(entry["class"]), "score": float(entry["confidence"])}
    if segments := entry.get("segments"):
        outlined = _outlined(np.array([segments["x"], segments["y"]], float).T)
        row["segmentation"] = outlined.get("segmentation", [])
    # the box of the network, where an outline has one of its own
    return row | {"bbox": [x1, y1, x2 - x1, y2 - y1]}


def _check_pixels(corners: np.ndarray, is_oriented: bool, size: np.ndarray, place: str) -> None:
    if is_oriented:
        raise ValueError(f"{place} is an oriented box; run a model of the task detect or segment")
    if corners.max() <= 1:
        raise ValueError(f"{place} has shares, not pixels: write to_json() with normalize=False")
    if (corners < -1).any() or (corners > size + 1).any():
        raise ValueError(
            f"{place} reaches to {corners[1].tolist()}, but the annotated image has (w, h) "
            f"{size.astype(int).tolist()}; predict on the same images"
        )
