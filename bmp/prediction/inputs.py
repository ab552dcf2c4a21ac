"""What the user names on the command line: images, folders, patterns, lists, videos."""

import glob
from collections.abc import Sequence
from pathlib import Path

from mmpose.inputs import image_suffixes

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
LIST_SUFFIXES = (".txt", ".lst")


def find_inputs(names: Sequence[str | Path]) -> tuple[list[Path], list[Path]]:
    """Image files and video files.

    Args:
        names: files; folders, of which the images and videos directly inside are taken, by name;
            patterns such as ``photos/**/*.jpg``; text files with one name a line, relative to
            the text file, where lines that begin with ``#`` are notes.

    Returns:
        Images and videos, each in the order of the names.

    Raises:
        FileNotFoundError: a name or pattern leads to nothing.
        ValueError: a list is not in UTF-8.
    """
    images: list[Path] = []
    videos: list[Path] = []
    for path in _expand(names):
        (videos if path.suffix.lower() in VIDEO_SUFFIXES else images).append(path)
    return images, videos


def _expand(names: Sequence[str | Path], within: tuple[Path, ...] = ()) -> list[Path]:
    """Files of names; ``within``: the lists they stand in, which may name themselves."""
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            found += _inside(path)
        elif path.suffix.lower() in LIST_SUFFIXES and path.is_file():
            if path.resolve() not in within:
                found += _expand(_listed(path), (*within, path.resolve()))
        elif path.exists():
            found.append(path)
        elif glob.has_magic(str(name)):
            found += _matching(str(name))
        else:
            raise FileNotFoundError(f"no such image, video or folder: {path}")
    return found


def _inside(folder: Path) -> list[Path]:
    """Images and videos of a folder; hidden files and other endings are left alone."""
    endings = (*image_suffixes(), *VIDEO_SUFFIXES)
    inside = [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and path.suffix.lower() in endings and path.is_file()
    ]
    if not inside:
        has_more = any(path.is_dir() for path in folder.iterdir())
        below = f" itself (folders below it: '{folder}/**/*')" if has_more else ""
        raise FileNotFoundError(f"no images in {folder}{below}; looked for {', '.join(endings)}")
    return inside


def _listed(path: Path) -> list[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # Windows may mark its files
    except UnicodeDecodeError as error:
        raise ValueError(f"the list {path} is not in UTF-8 ({error}); save it so") from error
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not names:
        raise FileNotFoundError(f"the list {path} names no file")
    return [path.parent / name for name in names]


def _matching(pattern: str) -> list[Path]:
    endings = (*image_suffixes(), *VIDEO_SUFFIXES)
    found = sorted(Path(name) for name in glob.glob(pattern, recursive=True))
    found = [path for path in found if path.is_file() and path.suffix.lower() in endings]
    if not found:
        raise FileNotFoundError(f"no image or video fits the pattern {pattern!r}")
    return found
