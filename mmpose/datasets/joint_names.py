"""Joints are matched by name: the order in a file is the file's own business."""

import re
from collections.abc import Sequence

_SIDES = {"l": "left", "r": "right", "left": "left", "right": "right"}
# words that a side may be written together with: "lshoulder", "lefteye"
_PARTS = (
    "nose",
    "eye",
    "ear",
    "shoulder",
    "elbow",
    "wrist",
    "hip",
    "knee",
    "ankle",
    "foot",
    "hand",
)
_TOGETHER = re.compile(rf"(left|right|l|r)({'|'.join(_PARTS)})s?")


def _words(name: str) -> frozenset[str]:
    """What a joint's name says, whatever its case, order and punctuation.

    "Right Shoulder", "shoulder_r", "rShoulder" and "RSHOULDER" are {right, shoulder}.
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", str(name)).lower()
    words = []
    for word in re.findall(r"[a-z]+|\d+", spaced):
        together = _TOGETHER.fullmatch(word)
        words += together.groups() if together else [word]
    return frozenset(_SIDES.get(word, word) for word in words)


def _side(words: frozenset[str]) -> frozenset[str]:
    return words & {"left", "right"}


def match_joints(names: Sequence[str], skeleton: Sequence[str], source: str) -> list[int] | None:
    """Where the joints of a skeleton stand in a file.

    Args:
        names: the joints in the file's order, ``categories[].keypoints``; may be empty.
        skeleton: the joints in the order that is wanted.
        source: name of the file, for the message.

    Returns:
        For each joint of the skeleton, or of its first joints where the file has no others, its
        place in the file; None where the names tell nothing (none given, or none known).

    Raises:
        ValueError: the file has some of the joints, but not all, or one of them twice.
    """
    given = [_words(name) for name in names]
    wanted = [_words(name) for name in skeleton]
    twice = sorted(
        {
            str(name)
            for name, words in zip(names, given, strict=True)
            if given.count(words) > 1 and words in wanted
        }
    )
    if twice:
        raise ValueError(f"{source} names a joint twice: {twice}; give each joint its own name")
    places = [given.index(words) if words in given else None for words in wanted]
    places = _match_parts(given, wanted, places)
    known = [place for place in places if place is not None]
    if not known:
        return None
    if None not in places:
        return places
    if sorted(known) == list(range(len(names))) and None not in places[: len(names)]:
        return places[: len(names)]  # the file ends where the skeleton goes on
    lacking = [name for name, place in zip(skeleton, places, strict=True) if place is None]
    raise ValueError(
        f"{source} has {len(names)} joints, and of the skeleton's {len(skeleton)} it lacks "
        f"{lacking[:6]}; its own are {list(names)[:20]}: give the metainfo of its skeleton, "
        "metainfo=dict(from_file=...)"
    )


def _match_parts(
    given: Sequence[frozenset], wanted: Sequence[frozenset], places: list[int | None]
) -> list[int | None]:
    """Also match names of which one says more than the other: "head" and "top_head"."""
    places = list(places)
    for index, words in enumerate(wanted):
        if places[index] is not None:
            continue
        fitting = [
            place
            for place, other in enumerate(given)
            if place not in places
            and _side(other) == _side(words)
            and (other < words or words < other)
        ]
        if len(fitting) == 1:
            places[index] = fitting[0]
    return places
