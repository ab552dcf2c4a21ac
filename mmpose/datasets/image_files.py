"""Where the images of an annotation file are, and how large they really are."""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.logging import print_log
from PIL import Image

if TYPE_CHECKING:  # it loads torch, which reading annotations does without
    from mmengine.dataset import Compose

READERS = ("LoadImage", "LoadImageFromFile")  # transforms that open img_path as a file
_EXIF_ORIENTATION = 274
_EXIF_TURNED = (5, 6, 7, 8)  # by a quarter


def image_path(folder: str, file_name: str) -> str:
    """The path of an image from its name in an annotation file.

    A name is relative to the folder, also with a slash before it or with the separators of
    Windows. An absolute path is taken as it is where it exists; one of another machine is looked
    for by its base name.

    Args:
        folder: that of the images; "" for the working folder.
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


@dataclass(frozen=True)
class ImageFileCheck:
    """Which images of an annotation file are there.

    Attributes:
        source: name of the file.
        num_images: how many it has.
        missing: paths of those that are no files, in the file's order.
    """

    source: str
    num_images: int
    missing: tuple[str, ...]

    def tell(self) -> None:
        """Say in one line how many are missing.

        Raises:
            FileNotFoundError: all of them are, naming the first paths.
        """
        first = ", ".join(self.missing[:3])
        if self.missing and len(self.missing) == self.num_images:
            raise FileNotFoundError(
                f"none of the {self.num_images} images of {self.source} is there, such as "
                f"{first}; set data_root and data_prefix=dict(img=...) to their folder"
            )
        if self.missing:
            print_log(
                f"{self.source}: {len(self.missing)} of {self.num_images} images are missing, "
                f"such as {first}",
                logger="current",
                level=logging.WARNING,
            )


def find_image_files(paths: Iterable[str], source: str) -> ImageFileCheck:
    """Look for images, listing each folder once.

    Args:
        paths: of the images; addresses (``s3://...``) count as there.
        source: the annotation file that names them.
    """
    paths = dict.fromkeys(paths)
    names: dict[str, set[str]] = {}
    missing = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in names:
            is_folder = os.path.isdir(folder or ".")
            names[folder] = set(os.listdir(folder or ".")) if is_folder else set()
        if "://" not in path and name not in names[folder]:
            missing.append(path)
    return ImageFileCheck(source, len(paths), tuple(missing))


def reads_images(pipeline: "Compose") -> bool:
    """Whether a pipeline opens ``img_path`` as a file."""
    return any(type(step).__name__ in READERS for step in pipeline.transforms)


def read_image_shape(path: str | Path) -> tuple[int, int] | None:
    """(h, w) of an image as it is opened, upright by its EXIF entry; None if it is unreadable.

    Only the head of the file is read.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            is_turned = image.getexif().get(_EXIF_ORIENTATION) in _EXIF_TURNED
    except (OSError, ValueError, SyntaxError):  # PIL's words for what it cannot read
        return None
    return (width, height) if is_turned else (height, width)
