"""Annotation files, with errors that name the command that makes a missing one."""

import gzip
import json
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

# Which command makes a file that this project can make, by a part of its path.
_MAKERS = (
    ("synthcrowd/short_", "python tools/datasets/short_training.py"),
    ("synthcrowd/", "python tools/datasets/synthcrowd.py"),
    ("coco_people_480_train.json", "python tools/datasets/coco_people_480.py"),
    ("cihp/cihp_val.json", "python tools/datasets/cihp.py --split val"),
    ("cihp/cihp_train", "python tools/datasets/cihp.py --split train"),
)


def how_to_get(path: str | Path) -> str:
    """The sentence that tells how a missing data file comes into being."""
    for part, command in _MAKERS:
        if part in str(path):
            return f"make it with '{command}'"
    return "datasets/README.md tells how to obtain and lay out each data set"


def read_json(path: str | Path, change: Callable[[dict], dict] | None = None) -> dict | list:
    """Read a JSON file of a data set, compressed when its name ends in ``.gz``.

    Args:
        path: of the file.
        change: what to make of each record, inner ones first.

    Raises:
        FileNotFoundError: it is not there; the message tells how to get it.
        ValueError: it is not JSON (for example cut short).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no annotation file {path}; {how_to_get(path)}")
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        # the bytes are let go before the records come, which are several times as large
        content = content.decode(json.detect_encoding(content))
        return json.loads(content, object_hook=change)
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path} is not readable as JSON ({error}); it may be cut short: {how_to_get(path)}"
        ) from error


def read_coco_file(path: str | Path, *, needs_annotations: bool = True) -> dict:
    """Read a file in COCO's annotation format.

    Args:
        path: of the file.
        needs_annotations: without, a list of images alone will do (COCO's ``image_info`` files
            of its test sets), and ``annotations`` are none.

    Raises:
        ValueError: it lacks ``images`` or ``annotations``, these are no lists of records, or an
            image has no ``id``.
    """
    content = read_json(path)
    if not needs_annotations and isinstance(content, dict):
        content = {**content, "annotations": content.get("annotations") or []}
    keys = ("images", "annotations")
    missing = [
        key
        for key in keys
        if not isinstance(content, dict) or not isinstance(content.get(key), list)
    ]
    if missing:
        raise ValueError(
            f"{path} lacks {missing} and is no COCO annotation file; {how_to_get(path)}"
        )
    for key in keys:
        if not all(isinstance(record, dict) for record in content[key]):
            raise ValueError(f"{key} of {path} must be records; {how_to_get(path)}")
    for image in content["images"]:
        require_fields(image, ("id",), f"an image of {path}")
    return content


def data_path(root: str, file: str) -> str:
    """The path of a file beside an annotation file, as published configs write it.

    It is relative to the data set's root; a path that is there from the working folder, or begins
    with the root already, is taken as it is.
    """
    inside = Path(root, file)  # an absolute file stays as it is
    is_whole = bool(root) and os.path.normpath(file).startswith(os.path.normpath(root) + os.sep)
    if not inside.exists() and (Path(file).exists() or is_whole):
        return str(file)
    return str(inside)


def read_json_list(path: str | Path) -> list[dict]:
    """Read a file that is a list of records: detections, results, MPII's annotations.

    Raises:
        ValueError: it is something else.
    """
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
        raise ValueError(
            f"{path} must be a JSON list of records, got {type(content).__name__}; "
            f"{how_to_get(path)}"
        )
    return content


def require_fields(record: dict, fields: Sequence[str], what: str) -> None:
    """Refuse a record that lacks fields.

    Args:
        record: one entry of a file.
        fields: what it must have.
        what: its name in the message.

    Raises:
        ValueError: naming the missing fields and those that are there.
    """
    missing = [field for field in fields if field not in record]
    if missing:
        raise ValueError(
            f"{what} lacks {missing}, it has {sorted(record)}; datasets/README.md tells the format"
        )


def parse_numbers(record: dict, field: str) -> np.ndarray:
    """A field of a record as a flat float32 array.

    Raises:
        ValueError: it holds something else than finite numbers.
    """
    try:
        numbers = np.array(record[field], dtype=np.float32).reshape(-1)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{field} of record {record.get('id')} must be a list of numbers: {error}"
        ) from error
    if not np.isfinite(numbers).all():
        raise ValueError(f"{field} of record {record.get('id')} has numbers that are not finite")
    return numbers
