"""Names and ids of the outputs of many images: each its own, on every file system."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path

MAX_STEM_BYTES = 200  # file systems take 255: an ending and the mark of an unfinished file follow
MAX_ID_DIGITS = 15  # readers keep ids as 64-bit integers, some as floats


def output_stems(
    paths: Sequence[Path], outputs_of: Callable[[Path, str], Iterable[Path]]
) -> list[str]:
    """What the outputs of each image are called, without their endings.

    The image's own name, shortened where the file system would refuse it. Where names are equal,
    also if only by case or accents written differently, the first keeps its name and the others
    get ``_2``, ``_3``, ... that no image has already. No output replaces another image.

    Args:
        paths: of the images, in order; a file may stand there twice.
        outputs_of: the path of an image and a stem to the files that would be written.

    Returns:
        One stem per image, no two alike.
    """
    inputs = {_place(path) for path in paths}
    taken: set[str] = set()

    def claim(path: Path, stem: str) -> bool:
        outputs = {_place(output) for output in outputs_of(path, stem)}
        if _key(stem) in taken or outputs & (inputs - {_place(path)}):
            return False
        taken.add(_key(stem))
        return True

    names = [_shortened(path.stem) for path in paths]
    # before any number is given
    is_own = [claim(path, name) for path, name in zip(paths, names, strict=True)]
    numbers: dict[str, count] = defaultdict(lambda: count(2))
    stems = []
    for path, name, keeps_it in zip(paths, names, is_own, strict=True):
        stem = name
        while not keeps_it:
            stem = f"{name}_{next(numbers[_key(name)])}"
            keeps_it = claim(path, stem)
        stems.append(stem)
    return stems


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


def _place(path: Path) -> str:
    return _key(str(path.parent.resolve() / path.name))


def _key(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _shortened(stem: str) -> str:
    # "ignore": no half character at the cut, and no bytes that are no text at all
    return os.fsencode(stem)[:MAX_STEM_BYTES].decode(errors="ignore")


def _is_number(stem: str) -> bool:
    return stem.isascii() and stem.isdigit() and len(stem) <= MAX_ID_DIGITS
