"""What keeps boxes or masks from an AP of 1, by kind of error.

Kinds and repairs are those of TIDE (D. Bolya, S. Foley, J. Hays, J. Hoffman: TIDE: A General
Toolbox for Identifying Object Detection Errors, ECCV 2020), counted by hotcoco.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import hotcoco
import numpy as np

from mmpose.datasets.coco_file import complete_annotations
from mmpose.evaluation.coco_columns import annotated_columns, found_columns
from mmpose.evaluation.coco_evaluator import RESULT_FIELDS, Prepared, prepare
from mmpose.evaluation.coco_numbers import MOST_REGIONS
from mmpose.evaluation.matching import match_greedily
from mmpose.evaluation.result_files import REGION_TYPES, has_categories
from mmpose.evaluation.similarity import Annotated, Found, similar_pairs

RIGHT_FROM = 0.5
BACKGROUND_BELOW = 0.1
# hotcoco's name, ours, what it is
KINDS = (
    ("Cls", "classification", "lies on a person of another category"),
    ("Loc", "localisation", "overlaps its person by less than 0.5, at least 0.1"),
    ("Both", "both", "overlaps a person of another category by less than 0.5, at least 0.1"),
    ("Dupe", "duplicate", "lies on a person whom a better scored one has"),
    ("Bkg", "background", "overlaps nobody by 0.1"),
    ("Miss", "missed", "a person with no right or repairable detection"),
)
SPECIAL_KINDS = (
    ("FP", "false positives", "all that is found and wrong"),
    ("FN", "false negatives", "all people who are not found"),
)


@dataclass(frozen=True)
class RegionErrors:
    """Errors at an IoU of 0.5.

    Attributes:
        iou_type: ``bbox`` or ``segm``.
        ap: average precision at an IoU of 0.5, in [0, 1].
        num_true: annotated people who count.
        counts: of each kind of :data:`KINDS`, how many.
        costs: of each kind, and of both of :data:`SPECIAL_KINDS`, what AP gains when it alone is
            repaired. Costs do not add up to 1 − AP.
    """

    iou_type: str
    ap: float
    num_true: int
    counts: dict[str, int]
    costs: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def table(self) -> list[dict[str, Any]]:
        """A row for each kind: ``error``, ``meaning``, ``count`` (None: special) and ``cost``."""
        return [
            {
                "error": name,
                "meaning": meaning,
                "count": self.counts.get(name),
                "cost": self.costs[name],
            }
            for _, name, meaning in (*KINDS, *SPECIAL_KINDS)
        ]


def region_errors(content: dict, results: Sequence[dict], iou_type: str) -> RegionErrors:
    """Sort the errors of boxes or masks into kinds and tell what each costs.

    A detection in a crowd region, or on somebody who does not count, is no error. Repairing is:
    a wrong category or place is put right, and dropped where its person is found already;
    duplicates and what lies on the background are dropped; people who are missed are taken off
    the ground truth. Where that leaves nobody to be found, AP counts as 1.

    Args:
        content: ground truth, COCO's annotation format.
        results: COCO results; may be empty.
        iou_type: ``bbox`` or ``segm``.

    Raises:
        ValueError: another type, nobody counts, or the two do not belong together.
    """
    if iou_type not in REGION_TYPES:
        raise ValueError(f"iou_type must be one of {REGION_TYPES}, got {iou_type!r}")
    content = complete_annotations(content, people_only=not has_categories(content, results))
    prepared = prepare(content, results, iou_type)
    found, annotated = _columns(prepared, iou_type)
    # hotcoco 1.3 takes crowd regions for people whom a detection may be moved to
    is_error_or_right = ~_lies_on_ignored(found, annotated)
    is_person = ~annotated.is_ignored
    numbers = _run(
        _records(annotated, is_person, iou_type, len(prepared.categories)),
        _records(found, is_error_or_right, iou_type, len(prepared.categories)),
        len(prepared.images),
        len(prepared.categories),
        iou_type,
    )
    counts = {name: int(numbers["counts"][key]) for key, name, _ in KINDS}
    costs = {name: float(numbers["delta_ap"][key]) for key, name, _ in (*KINDS, *SPECIAL_KINDS)}
    num_true, ap = int(is_person.sum()), float(numbers["ap_base"])
    if len(prepared.categories) == 1 and ap == 0:  # hotcoco gives 0 where nobody is left
        costs["false negatives"] = 1.0
        if counts["missed"] == num_true:
            costs["missed"] = 1.0
    return RegionErrors(iou_type, ap, num_true, counts, costs)


def _columns(prepared: Prepared, iou_type: str) -> tuple[Found, Annotated]:
    places = (RESULT_FIELDS[iou_type], prepared.images, prepared.categories)
    found = found_columns(prepared.results, *places, MOST_REGIONS[-1])
    return found, annotated_columns(prepared.people, *places, use_area=True)


def _lies_on_ignored(found: Found, annotated: Annotated) -> np.ndarray:
    """Which detections COCO passes over at an IoU of 0.5, (D,) bool."""
    pairs = similar_pairs(found, annotated)
    matching = match_greedily(pairs, found.ranks, annotated.is_ignored, annotated.is_crowd)
    return matching.of_ignored[0]


def _records(
    columns: Found | Annotated, wanted: np.ndarray, iou_type: str, num_categories: int
) -> list[dict]:
    """The wanted ones as COCO's records, images and categories numbered from 1."""
    field = RESULT_FIELDS[iou_type]
    records = []
    for i in np.flatnonzero(wanted).tolist():
        image, category = divmod(int(columns.groups[i]), num_categories)
        shape = columns.shapes[i]
        record = {
            "id": len(records) + 1,
            "image_id": image + 1,
            "category_id": category + 1,
            field: shape if isinstance(shape, dict) else shape.tolist(),
            "area": float(columns.areas[i]),
            "iscrowd": 0,
        }
        if isinstance(columns, Found):
            record["score"] = float(columns.scores[i])
        records.append(record)
    return records


def _run(
    people: list[dict],
    results: list[dict],
    num_images: int,
    num_categories: int,
    iou_type: str,
) -> dict[str, Any]:
    truth = hotcoco.COCO(
        {
            # masks are RLE, which have their own size
            "images": [{"id": n + 1, "height": 1, "width": 1} for n in range(num_images)],
            "categories": [{"id": n + 1, "name": str(n + 1)} for n in range(num_categories)],
            "annotations": people,
        }
    )
    evaluation = hotcoco.COCOeval(truth, truth.load_res(results), iou_type)
    evaluation.evaluate()
    return evaluation.tide_errors(RIGHT_FROM, BACKGROUND_BELOW)
