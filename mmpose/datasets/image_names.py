"""Images of two annotation files, matched by their file names.

Sets that annotate the same images anew may count them anew: OCHuman-Pose does, OCHuman's ids are
others. Detections and results know an image by its id alone, so they need both files.
"""

from collections.abc import Hashable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from .annotation_files import require_fields
from .categories import id_text


def base_name(file_name: str) -> str:
    """The last part: folders differ between releases, "images/000817.jpg" and "000817.jpg"."""
    return PurePosixPath(file_name.replace("\\", "/")).name


def ids_by_name(images: Iterable[dict], source: str) -> dict[str, Hashable]:
    """The id of each image by the last part of its file name.

    Args:
        images: entries of an annotation file.
        source: its name, for messages.

    Raises:
        ValueError: an image has no ``file_name``, or two of them have the same.
    """
    ids: dict[str, Hashable] = {}
    for image in images:
        require_fields(image, ("id", "file_name"), f"an image of {source}")
        name = base_name(str(image["file_name"]))
        if ids.setdefault(name, image["id"]) != image["id"]:
            raise ValueError(
                f"two images of {source} are called {name}, {ids[name]!r} and {image['id']!r}, so "
                "names do not tell them apart; take files whose ids agree"
            )
    return ids


def match_by_name(
    images: Iterable[dict], others: Iterable[dict], source: str, other_source: str
) -> dict[Hashable, Hashable]:
    """Which image of a file each image of another file is.

    Args:
        images: entries of the file that is evaluated.
        others: entries of the file whose ids detections or results have.
        source: name of the first, for messages.
        other_source: name of the second.

    Returns:
        Ids of the first file by ids of the second, for the images that both have.

    Raises:
        ValueError: they share none, or names do not tell images apart.
    """
    own, foreign = ids_by_name(images, source), ids_by_name(others, other_source)
    shared = {number: own[name] for name, number in foreign.items() if name in own}
    if not shared:
        first = [next(iter(names), "none") for names in (own, foreign)]
        raise ValueError(
            f"{source} and {other_source} share no image: the first are {first[0]} and {first[1]}; "
            "take annotation files of the same images"
        )
    return shared


def rename_images(records: Sequence[dict], ids: dict[Hashable, Hashable]) -> list[dict[str, Any]]:
    """Records of the images that are known by other ids.

    Args:
        records: detections or results, each with ``image_id``.
        ids: new ids by old ones; an id may be text in one and a number in the other.

    Returns:
        Copies with the new ids, in order; records of other images are left out.
    """
    by_text = {id_text(old): new for old, new in ids.items()}
    return [
        {**record, "image_id": by_text[id_text(record.get("image_id"))]}
        for record in records
        if id_text(record.get("image_id")) in by_text
    ]
