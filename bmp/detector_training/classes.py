"""Which categories of an annotation file are the classes of a detector: by name."""

from collections.abc import Sequence
from typing import Any

from mmpose.datasets.categories import is_people_name
from mmpose.datasets.coco_file import CocoContent, complete_annotations


def select_classes(
    content: dict, classes: Sequence[str], source: str, *, folder: str | None = None
) -> tuple[CocoContent, dict[int, Any]]:
    """Complete the annotations of a detector's classes; see `complete_annotations`.

    A class is the category of its name, in any case; ``person`` also that of people under another
    name. A detector of people alone takes them as every other reader of people does.

    Args:
        content: of an annotation file.
        classes: names, in the order of the detector's labels.
        source: name of the file, for messages.
        folder: of the images; where given, their size rules.

    Returns:
        The content with these categories alone, and label -> category id; labels whose class the
        file does not have are left out.

    Raises:
        ValueError: the file cannot be used, or has none of the classes.
    """
    classes = [classes] if isinstance(classes, str) else list(classes)  # ("person") is text
    # people are read as by pose and segmenter, so that all parts agree on who counts
    if len(classes) == 1 and is_people_name(classes[0]):
        people = complete_annotations(content, source, folder=folder)
        return people, {0: people["categories"][0]["id"]}
    content = complete_annotations(content, source, folder=folder, people_only=False)
    names = {category["id"]: str(category.get("name", "")) for category in content["categories"]}
    ids = _match(classes, names)
    if not ids:
        raise ValueError(
            f"{source} has the categories {list(names.values())[:6]}, none of the detector's "
            f"{len(classes)} classes {classes[:6]}; set metainfo=dict(classes=...) or "
            "rename the categories"
        )
    wanted = set(ids.values())
    kept = [a for a in content["annotations"] if a["category_id"] in wanted]
    left_out = {"of other categories": len(content["annotations"]) - len(kept)}
    selected = {
        **content,
        "annotations": kept,
        "categories": [c for c in content["categories"] if c["id"] in wanted],
        "left_out": {**content["left_out"], **{why: n for why, n in left_out.items() if n}},
    }
    return CocoContent(selected), ids


def _match(classes: Sequence[str], names: dict[Any, str]) -> dict[int, Any]:
    """Label -> category id; a namesake goes before one that is only written alike."""
    # two passes, or a mere look-alike that stands first would take the name of the true one
    ids: dict[int, Any] = {}
    for is_same in (str.__eq__, _is_alike):
        for label, wanted in enumerate(classes):
            free = (n for n, name in names.items() if n not in ids.values())
            found = next((n for n in free if is_same(wanted, names[n])), None)
            if label not in ids and found is not None:
                ids[label] = found
    return dict(sorted(ids.items()))


def _is_alike(wanted: str, name: str) -> bool:
    name = name.rsplit("/", 1)[-1].strip()
    return wanted.strip().lower() == name.lower() or (
        is_people_name(wanted) and is_people_name(name)
    )
