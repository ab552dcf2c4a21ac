"""Reading annotation files, with errors that name the command that makes a missing one."""

import json
from pathlib import Path

# Which command makes a file that this project can make, by a part of its path.
_MAKERS = (
    ("synthcrowd/", "python tools/datasets/synthcrowd.py"),
    ("coco_people_480_train.json", "python tools/datasets/coco_people_480.py"),
)


def how_to_get(path: str | Path) -> str:
    """The sentence that tells how a missing data file comes into being."""
    for part, command in _MAKERS:
        if part in str(path):
            return f"make it with '{command}'"
    return "datasets/README.md tells how to obtain and lay out each data set"


def read_json(path: str | Path) -> dict | list:
    """Read a JSON file of a data set.

    Raises:
        FileNotFoundError: it is not there; the message tells how to get it.
        ValueError: it is not JSON (for example cut short).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no annotation file {path}; {how_to_get(path)}")
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(
            f"{path} is not readable as JSON ({error}); it may be cut short: {how_to_get(path)}"
        ) from error


def read_coco_file(path: str | Path) -> dict:
    """Read a file in COCO's annotation format.

    Raises:
        ValueError: it lacks ``images`` or ``annotations``.
    """
    content = read_json(path)
    missing = [key for key in ("images", "annotations") if key not in content]
    if missing:
        raise ValueError(
            f"{path} lacks {missing} and is no COCO annotation file; {how_to_get(path)}"
        )
    return content
