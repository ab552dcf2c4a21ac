"""The worst images of an evaluation: which they are, and truth beside prediction."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from mmpose.datasets.image_files import image_path
from mmpose.inputs import UnreadableImageError, read_image
from mmpose.structures import bbox_xywh2xyxy
from mmpose.visualization import draw_poses
from mmpose.visualization.overlays import draw_bboxes, tint_masks
from mmpose.visualization.pose_drawing import Skeleton

from .partners import Partners
from .report_page import Picture

LONGEST_SIDE = 720  # px, of an image in the report
JPEG_QUALITY = 80
RIGHT, WRONG, PASSED_OVER = (90, 200, 60), (50, 60, 235), (160, 160, 160)  # BGR
MASK_WEIGHT = 0.45
MARGIN, SHORTEST_PART = 0.15, 160  # round all people: share of their longer side; px
FILE_CHARACTERS = 200  # of a name that is shown


@dataclass(frozen=True)
class Shortfall:
    """How an image does.

    Attributes:
        image_id: of the annotations.
        file_name: of the annotations.
        people: who count.
        found: those of them with a right result.
        wrong: results that are neither right nor passed over.
        shortfall: sum over the people of 1 − similarity with their right result, 1 without.
    """

    image_id: Any
    file_name: str
    people: int
    found: int
    wrong: int
    shortfall: float

    @property
    def told(self) -> str:
        """The numbers as a sentence."""
        return (
            f"{self.people} people, {self.found} found, {self.people - self.found} lost; "
            f"{self.wrong} wrong results; shortfall {self.shortfall:.2f}"
        )


def worst_images(partners: Partners, content: dict, num: int = 10) -> list[Shortfall]:
    """The images that fall short most, those with the most wrong results first among equals.

    Args:
        partners: of all results.
        content: the ground truth, for names.
        num: how many at most; images without any shortfall are none.
    """
    num_images = len(partners.images)
    image_of_result, image_of_person = (
        np.array([partners.images[one["image_id"]] for one in records], np.int64)
        for records in (partners.results, partners.people)
    )
    right = partners.is_right
    people = np.bincount(image_of_person[~partners.is_ignored], minlength=num_images)
    found = np.bincount(image_of_result[right], minlength=num_images)
    reached = np.bincount(
        image_of_result[right], weights=partners.similarity[right], minlength=num_images
    )
    wrong = np.bincount(image_of_result[partners.counts & ~right], minlength=num_images)
    shortfall = people - reached
    names = {image["id"]: image.get("file_name") for image in content["images"]}
    ids = list(partners.images)
    order = np.lexsort((np.arange(num_images), -wrong, -shortfall))
    return [
        Shortfall(
            *(ids[i], str(names[ids[i]] or ids[i]), int(people[i]), int(found[i])),
            *(int(wrong[i]), float(shortfall[i])),
        )
        for i in order[:num].tolist()
        if shortfall[i] > 0
    ]


def picture_of(
    worst: Shortfall, partners: Partners, iou_type: str, folder: str | None, skeleton: Skeleton
) -> Picture:
    """Truth and prediction of an image.

    Args:
        worst: which image.
        partners: of all results.
        iou_type: what is drawn: poses, boxes or masks.
        folder: of the images; None: none is drawn.
        skeleton: of the poses.
    """
    title = worst.file_name[:FILE_CHARACTERS]
    if folder is None:
        return Picture(title, worst.told)
    try:
        image = read_image(image_path(str(folder), worst.file_name))
    except (UnreadableImageError, OSError) as error:
        return Picture(title, worst.told, problem=f"cannot be shown: {error}")
    people = [j for j, one in enumerate(partners.people) if one["image_id"] == worst.image_id]
    results = [i for i, one in enumerate(partners.results) if one["image_id"] == worst.image_id]
    results = results[: max(worst.people, 1)]
    found = set(partners.person[partners.is_right].tolist())
    person_colors = [
        PASSED_OVER if partners.is_ignored[j] else RIGHT if j in found else WRONG for j in people
    ]
    result_colors = [
        RIGHT if partners.is_right[i] else WRONG if partners.counts[i] else PASSED_OVER
        for i in results
    ]
    truth = [partners.people[j] for j in people]
    answers = [partners.results[i] for i in results]
    part = part_with(truth + answers, image.shape[:2])
    views = {
        "Truth": draw_records(image, truth, person_colors, iou_type, skeleton),
        "Prediction": draw_records(image, answers, result_colors, iou_type, skeleton),
    }
    addresses = {name: data_address(view[part]) for name, view in views.items()}
    return Picture(title, worst.told, addresses)


def draw_records(
    image: np.ndarray,
    records: Sequence[dict],
    colors: Sequence[Sequence[int]],
    iou_type: str,
    skeleton: Skeleton,
) -> np.ndarray:
    """People or results on a copy of an image.

    Args:
        image: (H, W, 3) uint8 BGR.
        records: completed; masks as RLE; one of another size than the image is left out.
        colors: BGR of each, of its box or mask; bones have those of their limbs.
        iou_type: ``bbox``, ``segm`` or ``keypoints``.
        skeleton: of the poses.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    canvas = image.copy()
    if iou_type == "segm":
        kept = [
            (coco_mask.decode(one["segmentation"]).astype(bool), color)
            for one, color in zip(records, colors, strict=True)
            if tuple(one["segmentation"]["size"]) == image.shape[:2]
        ]
        masks = np.array([mask for mask, _ in kept], bool).reshape(-1, *image.shape[:2])
        return tint_masks(canvas, masks, np.array([c for _, c in kept]).reshape(-1, 3), MASK_WEIGHT)
    for record, color in zip(records, colors, strict=True):
        box = _box_of(record)
        thickness = max(round(max(box[2:] - box[:2]) / 150), 1)
        draw_bboxes(canvas, box[None], color, thickness)
    if iou_type == "bbox" or not records:
        return canvas
    joints = np.array([one["keypoints"] for one in records], np.float64)
    joints = joints.reshape(len(records), -1, 3)
    labelled = joints[..., 2] > 0
    return draw_poses(canvas, joints[..., :2], labelled.astype(float), skeleton=skeleton)


def _box_of(record: dict) -> np.ndarray:
    """The box of a record, else that round its mask or joints, (4,) xyxy."""
    if record.get("bbox") is not None:
        return bbox_xywh2xyxy(np.array(record["bbox"], np.float64))
    if record.get("segmentation") is not None:
        return bbox_xywh2xyxy(coco_mask.toBbox(record["segmentation"]))
    points = np.reshape(record["keypoints"], (-1, 3))[:, :2]
    return np.concatenate([points.min(0), points.max(0)])


def part_with(records: Sequence[dict], shape: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of an image that hold all records and some of what is around them.

    Args:
        records: with a box, mask or joints.
        shape: (H, W) of the image.

    Returns:
        All of the image where no record lies in it.
    """
    boxes = np.array([_box_of(record) for record in records]).reshape(-1, 4)
    size = np.array(shape[::-1])
    low = boxes[:, :2].min(0, initial=np.inf).clip(0, size)
    high = boxes[:, 2:].max(0, initial=-np.inf).clip(0, size)
    sides = high - low
    if not len(boxes) or (sides <= 0).any():
        return slice(None), slice(None)
    margins = np.maximum(MARGIN * sides.max(), (SHORTEST_PART - sides) / 2)
    (x0, y0), (x1, y1) = (low - margins).clip(0).astype(int), (high + margins).clip(0, size)
    return slice(int(y0), int(np.ceil(y1))), slice(int(x0), int(np.ceil(x1)))


def data_address(image: np.ndarray, longest_side: int = LONGEST_SIDE) -> str:
    """An image (H, W, 3) uint8 BGR as a JPEG within the page, made smaller where it is large."""
    scale = longest_side / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(encoded).decode()}"
