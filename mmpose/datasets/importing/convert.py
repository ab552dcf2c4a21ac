"""Which format a path is of, and the COCO file of people that it becomes."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from mmpose.datasets.annotation_files import read_coco_file
from mmpose.files import write_json

from . import cvat, datumaro_json, deeplabcut, label_studio, sleap, yolo
from .people import Imported, ReadOptions, to_coco

FORMATS: dict[str, ModuleType] = {
    "deeplabcut": deeplabcut,  # before YOLO, which also has a folder with one YAML file
    "yolo": yolo,
    "label-studio": label_studio,
    "cvat": cvat,
    "datumaro": datumaro_json,
    "sleap": sleap,
}


def find_format(path: Path) -> str:
    """The name of a path's format, a key of :data:`FORMATS`.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: it is of no format that is read here.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}")
    if path.suffix == ".json" and path.is_file():
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is no whole JSON ({error}); export it again") from error
    found = next((name for name, kind in FORMATS.items() if kind.is_it(path)), None)
    if found is not None:
        return found
    if _is_coco(path):
        raise ValueError(
            f"{path} is a COCO file already: it is read as it is, also where CVAT, Roboflow or "
            "others wrote it; bmp data check FILE tells what is odd in it"
        )
    raise ValueError(
        f"{path} is of no format that is known here. Expected a YOLO folder with data.yaml, Label "
        "Studio's JSON (not its COCO), CVAT for images 1.1 (XML), datumaro's JSON, a SLEAP file "
        "or a DeepLabCut project"
    )


def convert(
    path: Path, out: Path, options: ReadOptions | None = None, kind: str | None = None
) -> Imported:
    """Write a COCO annotation file of people.

    Args:
        path: what a tool wrote.
        out: the JSON file.
        options: what the format does not say.
        kind: a key of :data:`FORMATS`; None: found by the path.

    Returns:
        What was read; ``odd`` counts what was left out or changed.

    Raises:
        ValueError, FileNotFoundError: see :func:`find_format` and the reader of the format; or
            it is not of the format, is damaged, or has no image.
    """
    found = find_format(path) if kind is None or not path.exists() else kind
    if not FORMATS[found].is_it(path):
        raise ValueError(f"{path} is not of the format {found}; without --format it is found")
    try:
        imported = FORMATS[found].read(path, options or ReadOptions())
        imported.note_same_names()
        content = to_coco(imported)
    except (LookupError, TypeError, AttributeError) as error:  # of an entry of another kind
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} is a damaged {found} file ({what}); export it again") from error
    if not imported.images:
        odd = "; ".join(f"{count} {what}" for what, count in (+imported.odd).items())
        raise ValueError(f"{path} gives no image{': ' + odd if odd else ''}")
    write_json(out, content)
    imported.odd = +imported.odd  # without what never happened
    return imported


def report_lines(imported: Imported, out: Path) -> Sequence[str]:
    """What a person wants to know of a conversion."""
    joints = ", ".join(imported.joint_names[:20]) or "none"
    lines = [
        f"{out}: {len(imported.images)} images, {imported.num_people} people",
        f"joints: {joints}",
    ]
    first = {what: image.file_name for image in reversed(imported.images) for what in image.odd}
    for what, count in imported.odd.most_common():
        lines.append(f"  {count} {what}" + (f", first in {first[what]}" if what in first else ""))
    return lines


def _is_coco(path: Path) -> bool:
    if path.suffix != ".json":
        return False
    try:
        return bool(read_coco_file(path, needs_annotations=False))
    except (ValueError, json.JSONDecodeError):
        return False
