"""List what the project needs on a machine that has torch and torchvision, as NAME==VERSION.

python tools/needed_wheels.py                       what a machine with those two alone lacks
python tools/needed_wheels.py --has tools/device_image.txt      what the lent machines lack
"""

import argparse
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

PROJECT = "bbox-mask-pose"
GIVEN = ("torch", "torchvision")
TESTS = ("pytest",)
# not needed by what tools/device_check.sh runs; tensorboard alone would bring 15 MB
LEFT_OUT = ("tensorboard", "opencv-python", "jinja2", "setuptools", "faster-coco-eval")
INSTEAD = {"opencv-python": "opencv-python-headless"}  # needs no libGL


def plain(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needs_of(name: str) -> list[str]:
    """Names that an installed package asks for, without its extras."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:  # asked for by a marker that does not hold here
        return []
    return [plain(re.match(r"[\w.-]+", line)[0]) for line in lines if "extra ==" not in line]


def closure(names: Iterable[str], leave_out: Iterable[str] = ()) -> set[str]:
    """The installed packages of some names and all that these need."""
    found, waiting = set(), [plain(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in set(leave_out):
            found.add(name)
            waiting += needs_of(name)
    return found


def needed(has: Iterable[str] = ()) -> list[str]:
    """NAME==VERSION of what a machine lacks, sorted; versions are those installed here.

    Args:
        has: names of what it has besides torch and torchvision.
    """
    there = closure(GIVEN) | {plain(name) for name in has}
    asked = [*needs_of(PROJECT), *TESTS]
    names = closure(asked, {*LEFT_OUT, *there})
    lines = []
    for name in names:
        try:
            lines.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue  # of another platform
    for original, other in INSTEAD.items():
        if other not in there:
            lines.append(f"{other}=={version(original)}")
    return sorted(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--has", type=Path, help="file of names that the machine has, one a line")
    args = parser.parse_args()
    text = args.has.read_text() if args.has else ""
    has = [line.split("#")[0].strip() for line in text.splitlines()]
    print("\n".join(needed(name for name in has if name)))


if __name__ == "__main__":
    main()
