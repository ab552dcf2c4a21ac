"""Names and ids of the outputs of many images: each its own, on every file system."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from pathlib import Path

MAX_STEM_BYTES = 200  # file systems take 255: an ending and the mark of an unfinished file follow
MAX_ID_DIGITS = 15  # readers keep ids as 64-bit integers, some as floats


def output_stems(paths: Sequence[Path], folder: Path, endings: Sequence[str]) -> list[str]:
    """What the outputs of each image are called, without their endings.

    The image's own name, shortened where the file system would refuse it. Where names are equal,
    also if only by case or accents written differently, the first keeps its name and the others
    get ``_2``, ``_3``, ... that no image has already. No output replaces an input.

    Args:
        paths: of the images, in order; a file may stand there twice.
        folder: of the outputs.
        endings: what follows the stem in the outputs' names, such as ``_people.jpg``.

    Returns:
        One stem an image, no two alike.
    """
    inputs = {_key(str(path.parent.resolve() / path.name)) for path in paths}
    target = folder.resolve()
    taken: set[str] = set()

    def claim(stem: str) -> bool:
        outputs = {_key(str(target / f"{stem}{ending}")) for ending in endings}
        if _key(stem) in taken or outputs & inputs:
            return False
        taken.add(_key(stem))
        return True

    names = [_shortened(path.stem) for path in paths]
    own = [claim(name) for name in names]  # before any number is given
    numbers: dict[str, count] = defaultdict(lambda: count(2))
    return [
        name if is_own else next(stem for n in numbers[_key(name)] if claim(stem := f"{name}_{n}"))
        for name, is_own in zip(names, own, strict=True)
    ]


def image_ids(paths: Sequence[Path]) -> list[int]:
    """Ids of images, no two alike.

    An image whose name is a number has that one, as in COCO, and the first of several has it;
    the others get the smallest free ones from 1.
    """
    first_with: dict[int, int] = {}  # number -> place
    for place, path in enumerate(paths):
        if _is_number(path.stem):
            first_with.setdefault(int(path.stem), place)
    number_of = {place: number for number, place in first_with.items()}
    free = (number for number in count(1) if number not in first_with)
    return [number_of[place] if place in number_of else next(free) for place in range(len(paths))]


def relative_names(paths: Sequence[Path]) -> list[str]:
    """Names of images as seen from the one folder that holds all of them, ``/`` between parts."""
    if not paths:
        return []
    absolute = [os.path.abspath(path) for path in paths]
    root = os.path.commonpath([os.path.dirname(path) for path in absolute])
    return [Path(os.path.relpath(path, root)).as_posix() for path in absolute]


def _key(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _shortened(stem: str) -> str:
    # "ignore": no half character at the cut, and no bytes that are no text at all
    return os.fsencode(stem)[:MAX_STEM_BYTES].decode(errors="ignore")


def _is_number(stem: str) -> bool:
    return stem.isascii() and stem.isdigit() and len(stem) <= MAX_ID_DIGITS
