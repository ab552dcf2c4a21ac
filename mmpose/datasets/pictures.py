"""Where the pictures of an annotation file are, and how large they really are."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

_EXIF_ORIENTATION = 274
_EXIF_TURNED = (5, 6, 7, 8)  # by a quarter


def picture_path(folder: str, file_name: str) -> str:
    """The path of a picture from its name in an annotation file.

    A name is relative to the folder, also with a slash before it or with the separators of
    Windows. An absolute path is taken as it is where it exists; one of another machine is looked
    for by its base name.

    Args:
        folder: that of the pictures; "" for the working folder.
        file_name: of an entry of ``images``.
    """
    if "://" in file_name or (os.path.isabs(file_name) and os.path.exists(file_name)):
        return file_name
    relative = file_name.replace("\\", "/") if not os.path.exists(file_name) else file_name
    path = _join(folder, relative.lstrip("/"))
    is_absolute = file_name.startswith("/") or relative[1:3] == ":/"
    if is_absolute and not os.path.exists(path):
        base = _join(folder, relative.rsplit("/", 1)[-1])
        return base if os.path.exists(base) else path
    return path


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/') or '/'}/{name}" if folder else name


def missing_pictures(paths: Iterable[str]) -> list[str]:
    """Those of the paths that are no files; each folder is listed once."""
    folders: dict[str, set[str]] = {}
    missing = []
    for path in paths:
        if "://" in path:
            continue
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = (
                set(os.listdir(folder or ".")) if os.path.isdir(folder or ".") else set()
            )
        if name not in folders[folder]:
            missing.append(path)
    return missing


def refuse_all_missing(paths: Sequence[str], missing: Sequence[str], source: str) -> None:
    """Refuse a file none of whose pictures is there.

    Raises:
        FileNotFoundError: naming the first paths.
    """
    if paths and len(missing) == len(paths):
        raise FileNotFoundError(
            f"none of the {len(paths)} pictures of {source} is there, such as "
            f"{', '.join(missing[:3])}; set data_root and data_prefix=dict(img=...) to their folder"
        )


def picture_shape(path: str | Path) -> tuple[int, int] | None:
    """(h, w) of a picture as it is opened, upright by its EXIF entry; None if it is unreadable.

    Only the head of the file is read.
    """
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            is_turned = picture.getexif().get(_EXIF_ORIENTATION) in _EXIF_TURNED
    except (OSError, ValueError, SyntaxError):  # PIL's words for what it cannot read
        return None
    return (width, height) if is_turned else (height, width)
