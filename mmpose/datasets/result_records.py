"""The one reading of results: COCO result files, detections, predictions of a model."""

import logging
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmpose.structures.mask import are_whole_rles, normal_segmentation

from .annotation_files import require_fields
from .categories import id_text
from .coco_file import CocoContent, match_ids
from .people_records import numbers_of

# field of a result -> how many numbers it has, None for any multiple of 3; which they are
_NUMBERS = {
    "score": (1, "one"),
    "bbox": (4, "left, top, width and height"),
    "keypoints": (None, "x, y and presence of each joint"),
}
_AT_ONCE = 1000  # records


def complete_results(
    results: Sequence[dict],
    content: CocoContent,
    source: str = "the results",
    *,
    needs: Sequence[str] = (),
) -> "PeopleResults":
    """Bring the results of people into one form, or refuse them.

    Args:
        results: ``image_id``, ``score``, ``category_id`` (may be left out by all) and what was
            found: ``bbox``, ``segmentation``, ``keypoints``.
        content: the annotations that they belong to; of people, or of several categories
            (``people_only=False``), whose results then stay.
        source: name of the results, for messages.
        needs: fields that each must have.

    Returns:
        Those of people, with ``image_id`` and ``category_id`` as the annotations have them,
        ``score`` a float, ``bbox`` and ``keypoints`` flat lists of floats and ``segmentation``
        as :func:`mmpose.structures.mask.normal_segmentation` gives it; the results are left as
        they are.

    Raises:
        ValueError: naming the first result that cannot be used: it lacks a field, is of an
            unknown image, holds numbers that are not finite or a damaged mask; or none is of the
            category of people.
    """
    if isinstance(results, PeopleResults) and results.serve(content, needs):
        return results
    completed = check_records(results, source, needs=needs)
    listed = [category["id"] for category in content["categories"]]
    if len(listed) == 1:
        other = content.get("other_category_ids", ())
        completed = _of_people(completed, listed[0], source, {id_text(number) for number in other})
    else:
        completed = _of_listed(completed, listed, source)
    known = [image["id"] for image in content["images"]]
    ids = match_ids((result["image_id"] for result in completed), known, source, "the annotations")
    completed = (_with(result, "image_id", ids[result["image_id"]]) for result in completed)
    return PeopleResults(completed, content, needs)


def _with(result: dict, field: str, value: Any) -> dict:
    """A result with a value in a field: itself where it is there, for copies of all cost much."""
    given = result.get(field)
    return result if given == value and type(given) is type(value) else {**result, field: value}


class PeopleResults(list):
    """Results after `complete_results`, which takes them as they are.

    Args:
        results: completed.
        content: the annotations that they were completed with.
        needs: fields that each has.
    """

    def __init__(
        self, results: Iterable[dict], content: CocoContent, needs: Sequence[str] = ()
    ) -> None:
        super().__init__(results)
        self.content = content
        self.needs = frozenset(needs)

    def serve(self, content: CocoContent, needs: Sequence[str]) -> bool:
        """Whether they are of these annotations and have these fields."""
        return self.content is content and self.needs.issuperset(needs)


def check_records(results: Sequence[dict], source: str, *, needs: Sequence[str] = ()) -> list[dict]:
    """Results in one form, of whichever images and categories; see `complete_results`.

    Raises:
        ValueError: naming the first that cannot be used.
    """
    completed: list[dict] = []
    for start in range(0, len(results), _AT_ONCE):
        part = results[start : start + _AT_ONCE]
        if _are_plain(part, needs):
            completed += [_with(result, "score", float(result["score"])) for result in part]
        else:
            completed += [
                _complete(result, f"{source}: result {index}", needs)
                for index, result in enumerate(part, start)
            ]
    return completed


def _are_plain(results: Sequence[Any], needs: Sequence[str]) -> bool:
    """Whether all records hold, and hold alike, what most tools write; seen without a loop.

    The common case of a hundred thousand poses takes a tenth of the time of looking at each.
    """
    fields = {"image_id", "score", *needs}
    if not all(type(r) is dict and r.keys() >= fields for r in results):
        return False
    masks = [result["segmentation"] for result in results if "segmentation" in result]
    if (masks and not are_whole_rles(masks)) or not _have_plain_ids(results):
        return False
    for field, (length, _) in _NUMBERS.items():
        given = [result[field] for result in results if field in result]
        if not given:
            continue
        try:
            numbers = np.array(given)
        except ValueError:  # of several lengths
            return False
        shape = (len(results), length) if length != 1 else (len(results),)
        if length is None and numbers.ndim == 2 and numbers.shape[1] % 3 == 0:
            shape = (len(results), numbers.shape[1])
        if numbers.shape != shape or numbers.dtype.kind not in "if":
            return False
        if not np.isfinite(numbers).all() or (field == "bbox" and (numbers[:, 2:] < 0).any()):
            return False
    return True


def _have_plain_ids(results: Sequence[dict]) -> bool:
    kinds = {type(result["image_id"]) for result in results}
    kinds |= {type(result.get("category_id")) for result in results}
    return kinds <= {int, str, type(None)}


def _complete(result: Any, name: str, needs: Sequence[str]) -> dict:
    if not isinstance(result, dict):
        raise ValueError(f"{name} is no record but {result!r:.60}")
    require_fields(result, ("image_id", "score", *needs), name)
    for field in ("image_id", "category_id"):
        if not isinstance(result.get(field), Hashable):
            raise ValueError(
                f"{name} has the {field} {result[field]!r:.40}; expected the id of one"
            )
    completed = dict(result)
    for field, (length, meaning) in _NUMBERS.items():
        if result.get(field) is None and field not in ("score", *needs):
            completed.pop(field, None)
            continue
        completed[field] = _numbers(result, field, name, length, meaning)
    completed["score"] = completed["score"][0]
    if "bbox" in completed:
        completed["bbox"] = _turned_round(completed["bbox"])
    if "segmentation" in result:
        try:
            completed["segmentation"] = normal_segmentation(result["segmentation"])
        except ValueError as error:
            raise ValueError(f"{name}, of image {result['image_id']!r}: {error}") from error
    return completed


def _numbers(result: dict, field: str, name: str, length: int | None, meaning: str) -> list[float]:
    where = f"{name}, of image {result['image_id']!r}"
    try:
        numbers = numbers_of(result[field], field)
    except ValueError as error:
        raise ValueError(f"{where}: {field} must be finite numbers, {meaning}: {error}") from error
    if numbers.size % 3 if length is None else numbers.size != length:
        raise ValueError(f"{where}: {field} has {numbers.size} numbers, expected {meaning}")
    if not np.isfinite(numbers).all():
        raise ValueError(
            f"{where}: {field} must be finite numbers, {meaning}, got "
            f"{numbers[~np.isfinite(numbers)][0]}; the training may have diverged"
        )
    return numbers.tolist()


def _turned_round(bbox: list[float]) -> list[float]:
    """A box xywh drawn from right to left, or upwards, with sides of 0 and more."""
    x, y, w, h = bbox
    return [x + min(w, 0), y + min(h, 0), abs(w), abs(h)]


def _of_people(
    results: list[dict], category_id: Any, source: str, other: Collection[str]
) -> list[dict]:
    """The results of people: those of their category, or all where all are of one of nobody's."""
    counts = Counter(result.get("category_id", category_id) for result in results)
    same = {number for number in counts if id_text(number) == id_text(category_id)}
    if not same and len(counts) == 1 and id_text(next(iter(counts))) not in other:
        only = next(iter(counts))
        _tell(
            f"{source}: all results are of category {only!r}, people are {category_id!r} in the "
            "annotations: taken as people"
        )
        same = {only}
    if counts and not same:
        raise ValueError(
            f"{source} has no result of category {category_id!r}, the people of the annotations, "
            f"only of {sorted(counts, key=str)[:6]}; give people their category"
        )
    people = [r for r in results if r.get("category_id", category_id) in same]
    if len(people) < len(results):
        _tell(f"{source}: {len(results) - len(people)} results of other categories are left out")
    return [_with(result, "category_id", category_id) for result in people]


def _of_listed(results: list[dict], listed: Sequence, source: str) -> list[dict]:
    """The results of any listed category."""
    texts = {id_text(number): number for number in listed}
    kept = [
        _with(result, "category_id", texts[id_text(result.get("category_id"))])
        for result in results
        if id_text(result.get("category_id")) in texts
    ]
    if len(kept) < len(results):
        _tell(f"{source}: {len(results) - len(kept)} results of unlisted categories are left out")
    return kept


def _tell(line: str) -> None:
    print_log(line, logger="current", level=logging.WARNING)
