"""Whether the images that an annotation file lists are there, whole and in their place."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmpose.datasets.annotation_files import how_to_get
from mmpose.datasets.image_files import find_image_files, image_path, read_image_shape

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
DEPTH = 4  # folders below the data root in which a misplaced file is looked for
NUM_OPENED = 50  # the head of so many is read, from all parts of the list


@dataclass(frozen=True)
class Fact:
    """One thing that an evaluation needs.

    Attributes:
        what: the thing, with what was found.
        fix: what to do where it is missing or misplaced; None: it is there.
        is_note: it may be meant so.
    """

    what: str
    fix: str | None = None
    is_note: bool = False

    @property
    def is_missing(self) -> bool:
        """Whether an evaluation would fail, or give the numbers of something else."""
        return self.fix is not None and not self.is_note

    def __str__(self) -> str:
        word = "note" if self.is_note else "ok" if self.fix is None else "MISSING"
        return f"{word:8s} {self.what}{'' if self.fix is None else f' -> {self.fix}'}"


def find_below(root: str | os.PathLike, name: str) -> Path | None:
    """The first file of a name in a folder or a few levels below it; None: there is none."""
    depth = len(Path(root).parts)
    for folder, folders, files in os.walk(root):
        if name in files:
            return Path(folder, name)
        if len(Path(folder).parts) - depth >= DEPTH:
            folders.clear()
    return None


def check_images(images: Sequence[dict], folder: Path, data_root: str, source: str) -> list[Fact]:
    """What of the listed images is there.

    Args:
        images: entries of an annotation file, completed.
        folder: where they should be.
        data_root: folder of the data set, where misplaced ones are looked for.
        source: name of the annotation file.
    """
    if not images:
        return [Fact(f"images of {source}: it lists none", "take the annotations of a set")]
    names = [image.get("file_name") for image in images]
    if None in names:
        return [Fact(f"images of {source}: {names.count(None)} have no file_name", "name them")]
    paths = [image_path(str(folder), str(name)) for name in names]
    missing = set(find_image_files(paths, source).missing)
    there = [(image, p) for image, p in zip(images, paths, strict=True) if p not in missing]
    facts = [Fact(f"images in {folder}: {len(there)} of {len(paths)}", _fix(missing, data_root))]
    if missing:
        facts[0] = Fact(f"{facts[0].what}, without {min(missing)}", facts[0].fix)
    return [*facts, *_check_files(there), *_count_unlisted(paths, folder)]


def _fix(missing: set[str], data_root: str) -> str | None:
    """Where the first missing image is instead, or how to get it; None: none is missing."""
    if not missing:
        return None
    first = min(missing)
    place = find_below(data_root, Path(first).name) if data_root else None
    if place is None:
        return how_to_get(first)
    return (
        f"it is {place}: move the images, or set "
        f"test_dataloader.dataset.data_prefix.img={place.parent.relative_to(data_root)}"
    )


def _check_files(there: Sequence[tuple[dict, str]]) -> list[Fact]:
    """Files without content, and a sample that cannot be opened or has another size."""
    files = [(image, path) for image, path in there if "://" not in path]
    empty = [path for _, path in files if os.path.getsize(path) == 0]
    sample = files[:: max(1, len(files) // NUM_OPENED)]
    shapes = [(image, path, read_image_shape(path)) for image, path in sample if path not in empty]
    broken = [path for _, path, shape in shapes if shape is None]
    others = [
        f"{path}: {shape}, listed {(image['height'], image['width'])} (h, w)"
        for image, path, shape in shapes
        if shape is not None and None not in (image["height"], image["width"])
        if shape != (image["height"], image["width"])
    ]
    fix = "copy or unpack them again"
    told = [
        Fact(f"{len(empty)} images are empty files, such as {empty[0]}", fix) if empty else None,
        Fact(f"{len(broken)} of {len(shapes)} images opened are none, such as {broken[0]}", fix)
        if broken
        else None,
        Fact(f"{len(others)} of {len(shapes)} images opened have another size: {others[0]}", fix)
        if others
        else None,
    ]
    return [fact for fact in told if fact is not None]


def _count_unlisted(paths: Sequence[str], folder: Path) -> list[Fact]:
    """Images beside the listed ones: another split, or the annotations of another set."""
    if not folder.is_dir():
        return []
    listed = {os.path.basename(path) for path in paths}
    extra = [n for n in os.listdir(folder) if n.lower().endswith(SUFFIXES) and n not in listed]
    if not extra:
        return []
    told = f"{len(extra)} images in {folder} are not listed, such as {min(extra)}"
    return [Fact(told, is_note=True)]
