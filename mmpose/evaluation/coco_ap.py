"""COCO's average precision of keypoints, boxes and masks under its names."""

from collections.abc import Collection, Hashable, Sequence

import numpy as np

from mmpose.datasets.coco_file import CocoContent, complete_annotations
from mmpose.datasets.result_records import complete_results

from .coco_evaluator import evaluate
from .coco_numbers import with_intervals

# CrowdPose's groups of images: easy, medium and hard -> crowd index from, below
CROWD_LEVELS = {"E": (-np.inf, 0.2), "M": (0.2, 0.8), "H": (0.8, np.inf)}


def keypoint_ap(
    content: dict,
    detections: Sequence[dict],
    sigmas: Sequence[float],
    *,
    use_area: bool = True,
    intervals: bool = False,
) -> dict[str, float]:
    """COCO's ten keypoint numbers.

    Args:
        content: ground truth, COCO's annotation format.
        detections: ``image_id``, ``category_id``, ``keypoints`` (3K), ``score`` and, where
            known, ``bbox`` xywh; may be empty.
        sigmas: per-joint constants, (K,).
        use_area: whether the annotated areas count; else 0.53 of the box.
        intervals: also the ends of the 95 % interval of each AP, ``AP_low`` and ``AP_high``.

    Returns:
        AP, AP .5, AP .75, AP (M), AP (L), AR and so on, in [0, 1]; -1 where the ground truth has
        nobody of that size.

    Raises:
        ValueError: nobody can be evaluated, or a file cannot be used; see `evaluate`.
    """
    found = evaluate(content, detections, "keypoints", sigmas=sigmas, use_area=use_area)
    return found.named(intervals=intervals)


def crowd_keypoint_ap(
    content: dict,
    detections: Sequence[dict],
    sigmas: Sequence[float],
    *,
    use_area: bool = False,
    intervals: bool = False,
) -> dict[str, float]:
    """CrowdPose's numbers: COCO's without sizes, and AP by how crowded images are.

    Args:
        content: ground truth; each image has a ``crowdIndex`` in [0, 1].
        detections: as in :func:`keypoint_ap`.
        sigmas: per-joint constants, (K,).
        use_area: as in :func:`keypoint_ap`.
        intervals: as there.

    Returns:
        AP, AP .5, AP .75, AR, AR .5, AR .75 of all images and AP(E), AP(M), AP(H) of those with
        a crowd index below 0.2, below 0.8 and from there on.

    Raises:
        ValueError: an image has no ``crowdIndex``; else as :func:`keypoint_ap`.
    """
    content = complete_annotations(content)
    detections = complete_results(detections, content, needs=("keypoints",))
    overall = keypoint_ap(content, detections, sigmas, use_area=use_area, intervals=intervals)
    numbers = {name: value for name, value in overall.items() if "(" not in name}
    return numbers | crowd_level_ap(
        content, detections, sigmas, use_area=use_area, intervals=intervals
    )


def crowd_level_ap(
    content: dict,
    detections: Sequence[dict],
    sigmas: Sequence[float],
    *,
    use_area: bool = False,
    image_ids: Collection | None = None,
    intervals: bool = False,
) -> dict[str, float]:
    """AP of poses by how crowded images are.

    Args:
        content: as in :func:`crowd_keypoint_ap`, like all but the last.
        detections: COCO results.
        sigmas: per-joint constants, (K,).
        use_area: whether annotated areas count.
        image_ids: the images that were looked at; None: all.
        intervals: as in :func:`keypoint_ap`.

    Returns:
        AP(E), AP(M), AP(H); -1 where no such image has anybody.

    Raises:
        ValueError: an image has no ``crowdIndex``.
    """
    indices = crowd_indices(complete_annotations(content))
    looked_at = set(indices) if image_ids is None else set(image_ids)
    numbers = {}
    for level, (lowest, end) in CROWD_LEVELS.items():
        ids = [n for n, index in indices.items() if lowest <= index < end and n in looked_at]
        part = evaluate(
            content,
            detections,
            "keypoints",
            sigmas=sigmas,
            use_area=use_area,
            image_ids=ids,
            may_be_empty=True,
        )
        name = f"AP({level})"
        ends = {name: part.intervals(sizes=False)["AP"]} if intervals else {}
        numbers |= with_intervals({name: part.stats["AP"]}, ends)
    return numbers


def crowd_indices(content: CocoContent) -> dict[Hashable, float]:
    """How crowded each image is, by its id.

    Raises:
        ValueError: an image has no ``crowdIndex`` in [0, 1].
    """
    indices = {}
    for image in content["images"]:
        try:
            indices[image["id"]] = float(image.get("crowdIndex"))
        except (TypeError, ValueError):
            indices[image["id"]] = np.nan
        if not 0 <= indices[image["id"]] <= 1:
            raise ValueError(
                f"image {image['id']!r} of the annotations has the crowdIndex "
                f"{image.get('crowdIndex')!r}, expected a number in [0, 1]; "
                "iou_type='keypoints_crowd' is for CrowdPose, take iou_type='keypoints' for other "
                "data"
            )
    return indices


def region_ap(
    content: dict, detections: Sequence[dict], iou_type: str, *, intervals: bool = False
) -> dict[str, float]:
    """COCO's twelve numbers of people's boxes or masks.

    Args:
        content: ground truth, COCO's annotation format. Somebody without a mask is ignored where
            masks are evaluated.
        detections: ``image_id``, ``category_id``, ``score`` and ``bbox`` xywh or
            ``segmentation``; may be empty. One without a mask is left out of masks.
        iou_type: ``bbox`` or ``segm``.
        intervals: as in :func:`keypoint_ap`.

    Returns:
        AP, AP .5, AP .75, AP (S), AP (M), AP (L), AR @1, AR @10, AR @100, AR (S) and so on.

    Raises:
        ValueError: nobody can be evaluated, or a file cannot be used; see `evaluate`.
    """
    return evaluate(content, detections, iou_type).named(intervals=intervals)
