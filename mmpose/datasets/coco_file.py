"""The one reading of annotation files: completed, or refused before the first image.

Tools write COCO's format in many ways (datasets/README.md lists what was seen). Whatever says the
same in another way is brought into one form here, which all data sets and metrics read; what
cannot be used is refused by name, and what is odd is told in one line with its count.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .annotation_files import read_coco_file, require_fields
from .categories import id_text, select_listed, select_people
from .image_files import image_path, read_image_shape
from .joint_names import match_joints
from .oddities import Oddities, RecordsRefusedError
from .people_records import FieldError, complete_person

COCO_JOINTS = 17
FOREIGN_MASKS = "masks of another size than their image, ignored"


class CocoContent(dict):
    """``images``, ``annotations`` and ``categories`` of a file after `complete_annotations`.

    ``left_out`` counts the annotations that are not there, by why; ``other_category_ids`` are the
    categories of those that are not people's.
    """


def read_people(
    path: str | Path,
    *,
    skeleton: Sequence[str] | None = None,
    folder: str | None = None,
    needs_annotations: bool = True,
) -> CocoContent:
    """Read an annotation file into the one form; see :func:`complete_annotations`.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no COCO annotation file, or cannot be used.
    """
    content = read_coco_file(path, needs_annotations=needs_annotations)
    return complete_annotations(content, str(path), skeleton=skeleton, folder=folder)


def complete_annotations(
    content: dict,
    source: str = "the ground truth",
    *,
    skeleton: Sequence[str] | None = None,
    folder: str | None = None,
    people_only: bool = True,
    odd: Oddities | None = None,
) -> CocoContent:
    """Bring the people of a file into one form, or refuse the file.

    Images: ``id`` as in the file, once each; ``width`` and ``height`` whole numbers, or None
    where neither annotations nor image file tell. Annotations are those of people alone, each with

    - ``id``: that of the file where all are different whole numbers above 0, else counted from 1
      (evaluators take an id of 0 for nobody);
    - ``image_id``, ``category_id`` (both as listed), ``iscrowd`` 0 or 1;
    - ``bbox``: four floats x, y, w, h, w and h above 0; that of the mask where there is none;
    - ``segmentation``: see :func:`mmpose.structures.mask.normal_segmentation`;
    - ``area``: px², above 0: the file's, else the mask's, else 0.53 of the box;
    - ``keypoints``: 3K floats in the skeleton's order, [] without any; ``num_keypoints``: how
      many have a flag above 0; ``pad_to_contain`` and ``visibility``, where given, in that order.

    Args:
        content: ``images``, ``annotations`` and, where there are several, ``categories``.
        source: its name, for messages.
        skeleton: names of the joints in the order that is wanted; None keeps the file's.
        folder: of the images; where given, a size that is missing, or that boxes or masks
            contradict, is read from the image.
        people_only: leave out annotations of other categories; without, all of them stay.
        odd: counts what is unusual; told at the end.

    Raises:
        ValueError: naming the first record that cannot be used.
    """
    if isinstance(content, CocoContent) and folder is None and _has_order(content, skeleton):
        return content
    odd = Oddities(source) if odd is None else odd
    images = _complete_images(content["images"], odd)
    select = select_people if people_only else select_listed
    records, categories = select(content, source)
    left_out = Counter({"of other categories": len(content["annotations"]) - len(records)})
    # of several categories, as boxes and masks may have, each has joints of its own or none
    names = list(categories[0].get("keypoints") or ()) if people_only else []
    order = match_joints(names, skeleton, source) if skeleton is not None and names else None
    if order is not None and order != list(range(len(names))):
        odd.add("joints of another order, or more of them: matched by name", repr(names[:4]))
        categories = [categories[0] | {"keypoints": [names[place] for place in order]}]
    people = []
    for record in records:
        require_fields(record, ("image_id",), f"annotation {record.get('id')!r} of {source}")
        try:
            person = complete_person(record, names, order, odd)
        except ValueError as error:
            odd.refuse(error, record)  # raises, but where a check wants to see all that is wrong
            continue
        if person is None:
            left_out["without a box"] += 1
            continue
        odd.see(record, person)
        people.append(person)
    if skeleton is not None and order is None:
        people = [person for person in people if _has_joints(person, skeleton, odd)]
    _match_images(people, images, odd)
    people = _identify(people, odd)
    if folder is not None:
        _measure(images, people, folder, odd)
    odd.tell()
    parts = {"images": images, "annotations": people, "categories": categories}
    used = {record.get("category_id") for record in content["annotations"]}
    other = {
        number for number in used if id_text(number) not in {id_text(c["id"]) for c in categories}
    }
    parts["other_category_ids"] = other - {None} | set(content.get("other_category_ids", ()))
    return CocoContent({**content, **parts, "left_out": +left_out})


def _has_order(content: CocoContent, skeleton: Sequence[str] | None) -> bool:
    """Whether completed people have the joints of a skeleton already, which saves their time."""
    if skeleton is None:
        return True
    names = content["categories"][0].get("keypoints") if len(content["categories"]) == 1 else None
    lengths = {len(person["keypoints"]) for person in content["annotations"]}
    return (not names or list(names) == list(skeleton)) and lengths <= {0, 3 * len(skeleton)}


def _has_joints(person: dict, skeleton: Sequence[str], odd: Oddities) -> bool:
    """Whether joints without names are the skeleton's, or COCO's, which longer ones begin with."""
    num_joints = len(person["keypoints"]) // 3
    if num_joints in (0, len(skeleton)) or COCO_JOINTS == num_joints < len(skeleton):
        return True
    if person["num_keypoints"]:
        message = (
            f"annotation {person.get('id')!r} of {odd.source} has {num_joints} keypoints, the "
            f"metainfo {len(skeleton)}; give the metainfo of its own skeleton, "
            "metainfo=dict(from_file=...)"
        )
        odd.refuse(FieldError(message, "keypoints"), person)
        return False
    person["keypoints"] = []
    return True


def _complete_images(images: Sequence[dict], odd: Oddities) -> list[dict]:
    by_id: dict[Hashable, dict] = {}
    by_name: dict[str, Any] = {}
    for image in images:
        require_fields(image, ("id",), f"an image of {odd.source}")
        number, name = image["id"], image.get("file_name")
        if not isinstance(number, Hashable) or number is None:
            raise ValueError(f"an image of {odd.source} has the id {number!r}; give it a number")
        if number in by_id:
            if by_id[number].get("file_name") != name:
                raise ValueError(
                    f"two images of {odd.source} have the id {number!r}: "
                    f"{by_id[number].get('file_name')} and {name}; give each its own"
                )
            odd.add("images listed twice, taken once", repr(name), image)
            continue
        if name is not None and by_name.setdefault(str(name), number) != number:
            raise ValueError(
                f"two images of {odd.source} are the file {name}: {by_name[str(name)]!r} and "
                f"{number!r}; give their people to one of them"
            )
        sizes = {side: _side(image, side, odd.source) for side in ("width", "height")}
        by_id[number] = {**image, **sizes}
    return list(by_id.values())


def _side(image: dict, side: str, source: str) -> int | None:
    value = image.get(side)
    if value is None or value == "":
        return None
    try:
        number = float(value)
        if number == int(number):
            return int(number) if number > 0 else None
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(
        f"image {image['id']!r} of {source} has the {side} {value!r}; expected pixels, or null "
        "where it is not known"
    )


def match_ids(ids: Iterable, known: Iterable, what: str, listed: str) -> dict:
    """Which listed id each given id means: itself, or the only one that is written alike.

    Raises:
        ValueError: some are nobody's.
    """
    known = set(known)
    by_text = Counter(str(number) for number in known)
    texts = {str(number): number for number in known if by_text[str(number)] == 1}
    ids = set(ids)
    unknown = [number for number in ids if number not in known and str(number) not in texts]
    if unknown:
        first, strangers = min(unknown, key=str), set(unknown)
        raise RecordsRefusedError(
            f"{what} name {len(unknown)} images that are not among the {len(known)} of {listed}, "
            f"such as {first!r}; take the files that belong together",
            "annotations of images that are not listed",
            lambda record: record.get("image_id") in strangers,
        )
    return {number: number if number in known else texts[str(number)] for number in ids}


def _match_images(people: list[dict], images: list[dict], odd: Oddities) -> None:
    unhashable = [p for p in people if not isinstance(p["image_id"], Hashable)]
    if unhashable:
        raise ValueError(
            f"annotation {unhashable[0].get('id')!r} of {odd.source} names the image "
            f"{unhashable[0]['image_id']!r}; expected the id of one"
        )
    known = (image["id"] for image in images)
    ids = match_ids(
        (p["image_id"] for p in people), known, f"annotations of {odd.source}", "its images"
    )
    for person in people:
        person["image_id"] = ids[person["image_id"]]


def _identify(people: list[dict], odd: Oddities) -> list[dict]:
    """People with ids of their own; records that are equal in everything are one person."""
    ids = [person.get("id") for person in people]
    are_numbers = all(type(number) is int and number > 0 for number in ids)
    if are_numbers and len(set(ids)) == len(ids):
        return people
    seen: dict[str, list[dict]] = {}
    kept = []
    for person in people:
        # equal ones have equal ids: all with all would take the square of the time
        alike = seen.setdefault(repr((person.get("id"), person["image_id"])), [])
        if person in alike:
            odd.add("people listed twice, taken once", f"{person.get('id')!r}", person)
            continue
        alike.append(person)
        kept.append(person)
    if not are_numbers or len({person["id"] for person in kept}) < len(kept):
        for person in kept:
            odd.add(
                "people counted anew, since ids lack, repeat or are no numbers above 0",
                repr(person.get("id")),
                person,
            )
        kept = [person | {"id": number} for number, person in enumerate(kept, start=1)]
    return kept


def _measure(images: list[dict], people: list[dict], folder: str, odd: Oddities) -> None:
    """Correct sizes by the images where boxes or masks contradict them."""
    people_of: dict[Any, list[dict]] = {}
    for person in people:
        people_of.setdefault(person["image_id"], []).append(person)
    for image in images:
        others = people_of.get(image["id"], ())
        stated = (image["height"], image["width"])
        # only where something does not fit: to open every image takes minutes
        is_clear = None not in stated and not any(contradicts_size(image, p) for p in others)
        if is_clear or image.get("file_name") is None:
            continue
        shape = read_image_shape(image_path(folder, str(image["file_name"])))
        if shape is not None and shape != stated:
            image["height"], image["width"] = shape
            is_stated = None not in stated
            odd.add(
                "images whose stated size is not that of the file, which is taken"
                if is_stated
                else "images without a stated size, which is read from the file",
                f"{image['file_name']}: {stated} stated, {shape} (h, w) opened",
                image,
            )
        for person in others:
            _drop_foreign_mask(image, person, odd)


def contradicts_size(image: dict, person: dict) -> bool:
    """Whether a person cannot lie in an image of the stated size."""
    if image["width"] is None or image["height"] is None:
        return True
    x, y, w, h = person["bbox"]
    mask = person["segmentation"]
    is_foreign = isinstance(mask, dict) and mask["size"] != [image["height"], image["width"]]
    # a whole pixel: boxes are often rounded outwards
    return is_foreign or x + w > image["width"] + 1 or y + h > image["height"] + 1


def _drop_foreign_mask(image: dict, person: dict, odd: Oddities) -> None:
    mask, shape = person["segmentation"], [image["height"], image["width"]]
    if isinstance(mask, dict) and None not in shape and mask["size"] != shape:
        person["segmentation"] = None
        odd.add(
            FOREIGN_MASKS,
            f"annotation {person['id']}: {mask['size']}, the image is {shape} (h, w)",
            person,
            lost=True,
        )
