"""Files that appear whole or not at all."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from mmpose.errors import is_no_file

PARTIAL = ".part"


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Where to write a file that takes its name only when it is finished.

    Makes the folder. Several processes may write the same file: the last one's stays. A device
    or a pipe is written to as it is.

    Args:
        path: the name it gets when the block ends; after an error there, nothing is left.

    Raises:
        OSError: the folder or file cannot be written.
    """
    path = Path(path)
    if is_no_file(path):
        yield path  # a new file of that name would take its place for all programs
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # not the process number: two machines that share a disk may have the same
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: str | os.PathLike, content: dict | list, *, indent: int | None = None) -> None:
    """Write JSON as a :func:`whole_file`."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=indent) + "\n", encoding="utf-8")


def write_image(path: str | os.PathLike, image: np.ndarray) -> Path:
    """Write an image as a :func:`whole_file`.

    Args:
        path: its ending, .jpg or .png, says how.
        image: (H, W, 3) uint8 BGR.

    Raises:
        ValueError: OpenCV does not know the ending.
        OSError: the file cannot be written.
    """
    path = Path(path)
    try:
        done, encoded = cv2.imencode(path.suffix, image)
    except cv2.error:
        done = False
    if not done:
        raise ValueError(f"cannot write {path}: give it the ending .jpg or .png")
    with whole_file(path) as partial:
        partial.write_bytes(encoded.tobytes())
    return path


def lock_folder(folder: str | os.PathLike, name: str) -> IO | None:
    """Mark a folder as written to by this process, as long as the process lives.

    Args:
        folder: that is there.
        name: of the lock file in it.

    Returns:
        The open lock file, to be kept; None where another living process holds it.

    Raises:
        OSError: the file cannot be written.
    """
    file = Path(folder, name).open("w", encoding="utf-8")  # noqa: SIM115 - held till the end
    try:
        # lockf, not flock: data workers that outlive a killed training must not hold it
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system without locks
        file.close()
        return None
    return file
