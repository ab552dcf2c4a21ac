"""Which category of a file is that of people: found by its name, whatever its number."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from .oddities import RecordsRefusedError

PEOPLE = ("person", "persons", "people", "human", "humans", "pedestrian", "pedestrians")


def select_people(content: dict, source: str) -> tuple[list[dict], list[dict]]:
    """The annotations of people, and their category.

    It is the one called ``person``, ``people``, ``human`` or ``pedestrian`` in any case (also
    behind a path, ``JOB_0/PERSON``), else the only one that is listed or, without a list, used.

    Args:
        content: of an annotation file in COCO's format.
        source: its name, for messages.

    Returns:
        Annotations, each with the ``category_id`` of people, and one category.

    Raises:
        ValueError: none or several could be meant, or annotations name one that is not listed.
    """
    if content.get("categories"):
        records, categories = select_listed(content, source)
        used = Counter(record["category_id"] for record in records if "category_id" in record)
        number = _choose({c["id"]: str(c.get("name", "")) for c in categories}, used, source)
        category = next(c for c in categories if c["id"] == number)
    else:
        records = content["annotations"]
        for record in records:
            _check_number(record, source)
        used = Counter(record["category_id"] for record in records if "category_id" in record)
        if len(used) > 1:
            raise ValueError(
                f"{source} lists no categories and its annotations have {len(used)} of them, "
                f"{_shown(used)}; add categories=[{{'id': ..., 'name': 'person'}}]"
            )
        category = {"id": next(iter(used), 1), "name": "person"}
    people = [
        record if "category_id" in record else {**record, "category_id": category["id"]}
        for record in records
        if record.get("category_id", category["id"]) == category["id"]
    ]
    return people, [category]


def select_listed(content: dict, source: str) -> tuple[list[dict], list[dict]]:
    """All annotations, and the categories that the file lists.

    Raises:
        ValueError: annotations have a category that is not listed, or, of several, none.
    """
    categories = content.get("categories") or []
    listed = _listed(categories, source)
    texts = {str(number): number for number in listed}
    records, unlisted = [], Counter()
    for record in content["annotations"]:
        number = record.get("category_id")
        _check_number(record, source)
        if number is None and len(listed) > 1:
            raise ValueError(
                f"annotation {record.get('id')!r} of {source} has no category_id, and the file "
                f"lists {_shown(listed.items())}; say which it is"
            )
        if number is None and listed:
            record = {**record, "category_id": next(iter(listed))}
        elif number is None:
            record = {key: value for key, value in record.items() if key != "category_id"}
        elif number not in listed:
            if str(number) not in texts:
                unlisted[number] += 1
            record = {**record, "category_id": texts.get(str(number))}
        records.append(record)
    if unlisted:
        raise RecordsRefusedError(
            f"{unlisted.total()} annotations of {source} are of category {_shown(unlisted)}, but "
            f"it lists {_shown(listed.items()) or 'none'}; correct the one or the other",
            "annotations of a category that is not listed",
            lambda record: record.get("category_id") in unlisted,
        )
    return records, list({category["id"]: category for category in categories}.values())


def _check_number(record: dict, source: str) -> None:
    number = record.get("category_id")
    if not isinstance(number, Hashable):
        raise ValueError(
            f"annotation {record.get('id')!r} of {source} has the category_id {number!r:.40}; "
            "expected the id of one"
        )


def _listed(categories: Sequence[dict], source: str) -> dict[Any, str]:
    listed: dict[Any, str] = {}
    for category in categories:
        if not isinstance(category, dict) or not isinstance(category.get("id", []), Hashable):
            raise ValueError(f"a category of {source} has no id, a number: {category!r:.80}")
        name = str(category.get("name", ""))
        if listed.setdefault(category["id"], name) != name:
            raise ValueError(
                f"two categories of {source} have the id {category['id']!r}: "
                f"{listed[category['id']]!r} and {name!r}; give each its own"
            )
    return listed


def _choose(listed: dict[Any, str], used: Counter, source: str) -> Any:
    named = [number for number, name in listed.items() if is_people_name(name)]
    if len(named) > 1:  # an empty namesake does no harm, nor a "people" beside the "person"
        exact = [number for number in named if listed[number].strip().lower() == "person"]
        named = exact if len(exact) == 1 else [number for number in named if used[number]] or named
    if len(named) == 1:
        return named[0]
    if not named and len(listed) == 1:
        return next(iter(listed))
    what = "several categories" if named else "no category"
    raise ValueError(
        f"{source} has {what} of people among {_shown(listed.items())}; call the one of people "
        "'person'"
    )


def id_text(number: Any) -> str:
    """How an id is compared: 1, 1.0 and "1" are one."""
    is_whole = isinstance(number, float) and number.is_integer()
    return str(int(number) if is_whole else number)


def is_people_name(name: str) -> bool:
    """Whether a category of this name is that of people."""
    return name.rsplit("/", 1)[-1].strip().lower() in PEOPLE


def _shown(values: Any) -> str:
    values = list(values)
    return ", ".join(repr(value) for value in values[:6]) + (" ..." if len(values) > 6 else "")
