"""COCO's evaluation of boxes, masks and keypoints of people, equal to pycocotools' COCOeval.

Ground truth and results come through the one reading of files (:mod:`mmpose.datasets.coco_file`,
:mod:`mmpose.datasets.result_records`), so what pycocotools stumbles over is
told before anything is compared.
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.logging import print_log
from pycocotools import mask as coco_mask

from mmpose.datasets.coco_file import CocoContent, complete_annotations
from mmpose.datasets.result_records import complete_results
from mmpose.structures.mask import rle_of

from .coco_columns import annotated_columns, found_columns
from .coco_numbers import MOST_POSES, MOST_REGIONS, CocoNumbers, coco_numbers

RESULT_FIELDS = {"bbox": "bbox", "segm": "segmentation", "keypoints": "keypoints"}
"""Kind of evaluation -> what a result must hold."""
_WHO_COUNTS = {"bbox": "", "segm": " with a mask", "keypoints": " with a labelled joint"}

Shapes = Mapping[Any, tuple[int, int]]


def evaluate(
    content: dict,
    results: Sequence[dict],
    iou_type: str,
    *,
    sigmas: Sequence[float] | None = None,
    use_area: bool = True,
    image_ids: Collection | None = None,
    shapes: Shapes | None = None,
    may_be_empty: bool = False,
) -> CocoNumbers:
    """Average precision and recall of people, as pycocotools has them.

    Args:
        content: ground truth; completed here where it is not yet.
        results: COCO results; completed here; may be empty.
        iou_type: ``bbox``, ``segm`` or ``keypoints``.
        sigmas: per-joint constants, (K,), for keypoints.
        use_area: whether annotated areas count; else 0.53 of the box.
        image_ids: the images that were looked at; None: all.
        shapes: (h, w) of the images that were opened, by id; they rule over the file's.
        may_be_empty: -1 in place of an error where nobody counts.

    Raises:
        ValueError: nobody counts, results and ground truth do not belong together, or one of
            them cannot be used.
    """
    prepared = prepare(
        content,
        results,
        iou_type,
        num_joints=0 if sigmas is None else len(sigmas),
        image_ids=image_ids,
        shapes=shapes,
        may_be_empty=may_be_empty,
    )
    field, images, categories = RESULT_FIELDS[iou_type], prepared.images, prepared.categories
    # by its rules an image has 20 poses or 100 boxes at most, the best; what lies behind them is
    # neither right nor wrong
    most = MOST_POSES if iou_type == "keypoints" else MOST_REGIONS[-1]
    return coco_numbers(
        found_columns(prepared.results, field, images, categories, most),
        annotated_columns(prepared.people, field, images, categories, use_area=use_area),
        list(images),
        len(categories),
        # doubles, as pycocotools has them: at a threshold the last digits decide
        np.asarray(sigmas, np.float64) if iou_type == "keypoints" else None,
    )


@dataclass(frozen=True)
class Prepared:
    """Records that can be compared.

    Attributes:
        people: completed annotations of the images; masks as RLE, keypoints of one length.
        results: completed, likewise, each with what is compared.
        images: id -> index, in the order of COCO's evaluation.
        categories: id -> index.
    """

    people: list[dict]
    results: list[dict]
    images: dict[Any, int]
    categories: dict[Any, int]


def prepare(
    content: dict,
    results: Sequence[dict],
    iou_type: str,
    *,
    num_joints: int = 0,
    image_ids: Collection | None = None,
    shapes: Shapes | None = None,
    may_be_empty: bool = False,
) -> Prepared:
    """Bring ground truth and results into the form in which they are compared.

    Args:
        content: as in :func:`evaluate`, like all others but the next.
        results: as there.
        iou_type: as there.
        num_joints: K, for keypoints.
        image_ids: as there.
        shapes: as there.
        may_be_empty: as there.

    Raises:
        ValueError: as there.
    """
    content = complete_annotations(content)
    field = RESULT_FIELDS[iou_type]
    # a box or pose that is missing is a mistake; detectors may leave a few masks out
    needs = () if iou_type == "segm" else (field,)
    results = complete_results(results, content, needs=needs)
    numbers = _image_numbers(content, image_ids)
    people = [p for p in content["annotations"] if p["image_id"] in numbers]
    results = [r for r in results if r["image_id"] in numbers]
    num_lacking = sum(result.get(field) is None for result in results)
    if num_lacking:
        _tell(f"{num_lacking} of {len(results)} results have no mask and are left out of masks")
        results = [result for result in results if result.get(field) is not None]
    if not may_be_empty:
        check_somebody_counts(people, iou_type, content)
    if iou_type == "segm":
        known = _known_shapes(content, people, results, shapes or {})
        people, results = _draw(people, known), _draw_results(results, known)
        # once more: those without a usable mask have just become ignored regions
        if not may_be_empty and all(person["iscrowd"] for person in people):
            raise ValueError(
                f"nobody to evaluate by 'segm': no mask of the {len(people)} annotated people lies "
                "in its image or has its size; are they of other images, or resized ones?"
            )
    elif iou_type == "keypoints":
        people, results = _with_joints(people, results, num_joints)
    categories = {c["id"]: number for number, c in enumerate(content["categories"])}
    return Prepared(people, results, numbers, categories)


def check_somebody_counts(
    people: Sequence[dict], iou_type: str, content: Mapping[str, Any]
) -> None:
    """Refuse a ground truth in which nobody counts: its numbers would be -1.

    Args:
        people: completed annotations.
        iou_type: ``bbox``, ``segm`` or ``keypoints``.
        content: what they are of, for the message.

    Raises:
        ValueError: saying why.
    """
    if any(_counts(person, iou_type) for person in people):
        return
    reasons = {"crowd regions": sum(person["iscrowd"] for person in people)}
    reasons |= content.get("left_out", {})
    told = ", ".join(f"{count} {why}" for why, count in reasons.items() if count)
    raise ValueError(
        f"nobody to evaluate by {iou_type!r}: among {len(people)} annotations of people on "
        f"{len(content['images'])} images there is no single person{_WHO_COUNTS[iou_type]}"
        f"{f' ({told})' if told else ''}; take another file or another kind of evaluation"
    )


def _counts(person: dict, iou_type: str) -> bool:
    if person["iscrowd"]:
        return False
    if iou_type == "segm":
        return person["segmentation"] is not None
    # COCO ignores people without a labelled joint where poses are judged
    return iou_type == "bbox" or person["num_keypoints"] > 0


def _image_numbers(content: CocoContent, image_ids: Collection | None) -> dict[Any, int]:
    """Images numbered in the order of their ids, which breaks ties in COCO's evaluation."""
    ids = [image["id"] for image in content["images"]]
    if image_ids is not None:
        wanted = set(image_ids)
        unknown = wanted - set(ids)
        if unknown:
            raise ValueError(
                f"{len(unknown)} images that were looked at are not in the annotations, such as "
                f"{min(unknown, key=str)!r}; take the file of these images"
            )
        ids = [number for number in ids if number in wanted]
    # as pycocotools sorts numbers; ids that are texts, or both, it cannot sort
    is_number = all(isinstance(number, int | float) for number in ids)
    return {number: n for n, number in enumerate(sorted(ids, key=None if is_number else str))}


def _known_shapes(
    content: CocoContent, people: Sequence[dict], results: Sequence[dict], shapes: Shapes
) -> dict[Any, tuple[int, int] | None]:
    """(h, w) of every image: as opened, else as its results or most of its RLE masks have it."""
    known = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    for records in (people, results):  # results come from the image files themselves
        sizes: dict[Any, Counter] = {}
        for record in records:
            if isinstance(record["segmentation"], dict):
                counts = sizes.setdefault(record["image_id"], Counter())
                counts[tuple(record["segmentation"]["size"])] += 1
        for image_id, counts in sizes.items():
            # the file's own size stays as long as one mask agrees: others may be foreign
            if known[image_id] not in counts:
                known[image_id] = counts.most_common(1)[0][0]
    known |= {image_id: tuple(shape[:2]) for image_id, shape in shapes.items()}
    return {n: None if shape is None or None in shape else shape for n, shape in known.items()}


def _draw(people: Sequence[dict], shapes: Mapping) -> list[dict]:
    """People with masks as RLE; the box of one without a mask becomes an ignored region.

    So somebody who has no mask counts neither as found nor as missed, and who predicts a mask
    there is not wrong.
    """
    drawn, foreign = [], []
    for person in people:
        mask, shape = person["segmentation"], shapes[person["image_id"]]
        if shape is None:
            raise ValueError(
                f"image {person['image_id']!r} has no width and height, which masks need; add "
                "them to the annotations"
            )
        if isinstance(mask, dict) and tuple(mask["size"]) != shape:
            foreign.append(f"image {person['image_id']!r}, {mask['size']} for {list(shape)} (h, w)")
            mask = None
        rle = None if mask is None else rle_of(mask, *shape)
        if rle is None or coco_mask.area(rle) == 0:
            rle = coco_mask.frPyObjects(np.array([person["bbox"]]), *shape)[0]
            # a crowd region may be matched any number of times, and nobody must find it
            person = person | {"iscrowd": 1}
        drawn.append(person | {"segmentation": rle})
    if foreign:
        _tell(
            f"{len(foreign)} of {len(people)} annotated masks have another size than their image "
            f"and are ignored, the first is of {foreign[0]}"
        )
    return drawn


def _tell(line: str) -> None:
    print_log(line, logger="current", level=logging.WARNING)


def _draw_results(results: Sequence[dict], shapes: Mapping) -> list[dict]:
    for result in results:
        mask, shape = result["segmentation"], shapes[result["image_id"]]
        # refused, unlike an annotated one: then the results are of other images
        if shape is None or (isinstance(mask, dict) and tuple(mask["size"]) != shape):
            raise ValueError(
                f"a mask of the results of image {result['image_id']!r} has the size "
                f"{mask['size'] if isinstance(mask, dict) else None}, the image is {shape} "
                "(h, w); take results of these images"
            )
    return [
        r | {"segmentation": rle_of(r["segmentation"], *shapes[r["image_id"]])} for r in results
    ]


def _with_joints(
    people: Sequence[dict], results: Sequence[dict], num_joints: int
) -> tuple[list[dict], list[dict]]:
    """All with the same number of joints; people without any get unlabelled ones."""
    for record in [*people, *results]:
        if len(record["keypoints"]) not in (0, 3 * num_joints):
            raise ValueError(
                f"expected {num_joints} keypoints of 3 numbers each, got "
                f"{len(record['keypoints'])} numbers in image {record['image_id']!r}; results, "
                "annotations and sigmas must be of one skeleton"
            )
    # who has no joints stays, as COCO has it: a pose near such a person is ignored, not wrong
    nothing = [0] * (3 * num_joints)
    return [p | {"keypoints": p["keypoints"] or nothing} for p in people], list(results)
