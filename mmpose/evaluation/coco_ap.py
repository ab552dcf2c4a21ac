"""COCO's average precision of keypoints, boxes and masks, computed by pycocotools."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmpose.datasets.annotation_files import parse_numbers, require_fields

STAT_NAMES = ("AP", "AP .5", "AP .75", "AP (M)", "AP (L)")
STAT_NAMES += ("AR", "AR .5", "AR .75", "AR (M)", "AR (L)")
REGION_STAT_NAMES = ("AP", "AP .5", "AP .75", "AP (S)", "AP (M)", "AP (L)")
REGION_STAT_NAMES += ("AR @1", "AR @10", "AR @100", "AR (S)", "AR (M)", "AR (L)")
# kind of region -> what a result must hold
REGION_FIELDS = {"bbox": "bbox", "segm": "segmentation"}
# CrowdPose's groups of images: easy, medium and hard -> crowd index from, below
CROWD_LEVELS = {"E": (-np.inf, 0.2), "M": (0.2, 0.8), "H": (0.8, np.inf)}


def prepare_ground_truth(content: dict, *, use_area: bool) -> dict:
    """Complete the fields that the evaluator asks for; the input is left as it is.

    People without keypoints get none labelled, which the evaluator ignores. Without ``use_area``
    the area of a person is 0.53 of the box. People are numbered from 1: pycocotools takes a
    person of id 0 for nobody.

    Raises:
        ValueError: a person has no image or no box.
    """
    check_people(content["annotations"])
    people = []
    for number, person in enumerate(content["annotations"], start=1):
        person = {"iscrowd": 0, "category_id": 1, **person, "id": number}
        joints = person.get("keypoints") or []
        person["keypoints"] = joints
        person["num_keypoints"] = person.get("num_keypoints", sum(v > 0 for v in joints[2::3]))
        box_area = person["bbox"][2] * person["bbox"][3]
        person["area"] = person.get("area", 0.53 * box_area) if use_area else 0.53 * box_area
        people.append(person)
    num_joints = max((len(person["keypoints"]) for person in people), default=0)
    for person in people:
        person["keypoints"] = person["keypoints"] or [0] * num_joints
    categories = content.get("categories") or [{"id": 1, "name": "person"}]
    return {**content, "annotations": people, "categories": categories}


def check_people(people: Sequence[dict]) -> None:
    """Refuse annotations that cannot be evaluated.

    Raises:
        ValueError: a person has no image or no box of four numbers.
    """
    for person in people:
        require_fields(person, ("image_id", "bbox"), f"annotation {person.get('id')}")
        if parse_numbers(person, "bbox").size != 4:
            raise ValueError(
                f"annotation {person.get('id')} has the box {person['bbox']}; expected left, top, "
                "width and height"
            )


def check_detections(content: dict, detections: Sequence[dict]) -> None:
    """Refuse detections of images that the ground truth lacks, and such that are no numbers.

    Raises:
        ValueError: some are of images that the ground truth lacks, or have a score or keypoints
            that are not finite; the message names one.
    """
    unknown = {d["image_id"] for d in detections} - {image["id"] for image in content["images"]}
    if unknown:
        raise ValueError(
            f"{len(unknown)} images of the detections are not in the ground truth, such as "
            f"{next(iter(unknown))}; evaluate results with the annotations they were made for"
        )
    # pycocotools would take a similarity that is not a number for a match
    broken = [d for d in detections if not np.isfinite([d["score"], *d.get("keypoints", ())]).all()]
    if broken:
        raise ValueError(
            f"{len(broken)} detections have a score or joints that are no finite numbers, such as "
            f"one of image {broken[0]['image_id']}; the training may have diverged"
        )


def keypoint_ap(
    content: dict, detections: Sequence[dict], sigmas: Sequence[float], *, use_area: bool = True
) -> dict[str, float]:
    """COCO's ten keypoint numbers.

    Args:
        content: ground truth, COCO's annotation format.
        detections: ``image_id``, ``category_id``, ``keypoints`` (3K), ``score`` and, where
            known, ``bbox`` xywh; may be empty.
        sigmas: per-joint constants, (K,).
        use_area: whether the annotated areas count; else 0.53 of the box.

    Returns:
        AP, AP .5, AP .75, AP (M), AP (L), AR and so on, in [0, 1]; -1 where the ground truth has
        nobody of that size.

    Raises:
        ValueError: a detection is of an unknown image or no number, or a person has no box.
    """
    content = prepare_ground_truth(content, use_area=use_area)
    return dict(zip(STAT_NAMES, _evaluate(content, detections, "keypoints", sigmas), strict=True))


def crowd_keypoint_ap(
    content: dict, detections: Sequence[dict], sigmas: Sequence[float], *, use_area: bool = False
) -> dict[str, float]:
    """CrowdPose's numbers: COCO's without sizes, and AP by how crowded images are.

    Args:
        content: ground truth; each image has a ``crowdIndex`` in [0, 1].
        detections: as in :func:`keypoint_ap`.
        sigmas: per-joint constants, (K,).
        use_area: as in :func:`keypoint_ap`.

    Returns:
        AP, AP .5, AP .75, AR, AR .5, AR .75 of all images and AP(E), AP(M), AP(H) of those with
        a crowd index below 0.2, below 0.8 and from there on.

    Raises:
        ValueError: an image has no ``crowdIndex``.
    """
    if any("crowdIndex" not in image for image in content["images"]):
        raise ValueError(
            "images without 'crowdIndex' in the annotations; iou_type='keypoints_crowd' is for "
            "CrowdPose, take iou_type='keypoints' for other data"
        )
    overall = keypoint_ap(content, detections, sigmas, use_area=use_area)
    numbers = {name: value for name, value in overall.items() if not name.endswith(")")}
    for level, (lowest, end) in CROWD_LEVELS.items():
        images = [i for i in content["images"] if lowest <= i["crowdIndex"] < end]
        ids = {image["id"] for image in images}
        people = [person for person in content["annotations"] if person["image_id"] in ids]
        found = [detection for detection in detections if detection["image_id"] in ids]
        part = {**content, "images": images, "annotations": people}
        numbers[f"AP({level})"] = keypoint_ap(part, found, sigmas, use_area=use_area)["AP"]
    return numbers


def region_ap(content: dict, detections: Sequence[dict], iou_type: str) -> dict[str, float]:
    """COCO's twelve numbers of boxes or masks.

    Args:
        content: ground truth, COCO's annotation format; the box stands in for a missing area.
        detections: ``image_id``, ``category_id``, ``score`` and ``bbox`` xywh or
            ``segmentation``; may be empty.
        iou_type: ``bbox`` or ``segm``.

    Returns:
        AP, AP .5, AP .75, AP (S), AP (M), AP (L), AR @1, AR @10, AR @100, AR (S) and so on.

    Raises:
        ValueError: a detection is of an unknown image, or its mask is a list of polygons.
    """
    # a result that holds several kinds is read by the first of them, whatever is evaluated
    fields = ("image_id", "category_id", "score", REGION_FIELDS[iou_type])
    detections = [{name: found[name] for name in fields} for found in detections]
    if iou_type == "segm" and any(isinstance(d["segmentation"], list) for d in detections):
        raise ValueError("masks of results must be RLE (size, counts), got lists of polygons")
    regions = [
        {"iscrowd": 0, "area": region["bbox"][2] * region["bbox"][3], **region, "id": number}
        for number, region in enumerate(content["annotations"], start=1)
    ]
    content = {**content, "annotations": regions}
    return dict(zip(REGION_STAT_NAMES, _evaluate(content, detections, iou_type), strict=True))


def _evaluate(
    content: dict,
    detections: Sequence[dict],
    iou_type: str,
    sigmas: Sequence[float] | None = None,
) -> list[float]:
    """The numbers that pycocotools would print, in its order."""
    check_detections(content, detections)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports on stdout
        ground_truth = COCO()
        ground_truth.dataset = content
        ground_truth.createIndex()
        results = COCO()
        if detections:
            results = ground_truth.loadRes([dict(detection) for detection in detections])
        else:
            results.dataset = {**content, "annotations": []}
            results.createIndex()
        evaluation = COCOeval(ground_truth, results, iou_type)
        if sigmas is not None:
            evaluation.params.kpt_oks_sigmas = np.asarray(sigmas, dtype=np.float64)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(stat) for stat in evaluation.stats]
