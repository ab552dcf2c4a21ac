"""Boxes and masks of an image, truth on the left, prediction on the right."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.registry import FUNCTIONS
from mmengine.structures import BaseDataElement

from mmpose.inputs import UnreadableImageError, read_image
from mmpose.structures import bbox_overlaps

from .overlays import draw_bboxes, tint_masks
from .sample_sheets import cut_view, make_tile

VIEW = (320, 240)  # px, width and height of each of the two views
SCORE_THR = 0.3  # of detections that are drawn and counted
MASK_WEIGHT = 0.5
# BGR, told apart by neighbours; the order has no meaning
COLOURS = ((90, 200, 60), (235, 107, 52), (52, 171, 235), (216, 60, 216), (60, 220, 230))


class Regions(NamedTuple):
    """People of an image.

    Attributes:
        bboxes: (N, 4) xyxy, image pixels; (0, 4) where masks alone are known.
        masks: (M, H, W) bool, of the size of the image; M is N, or 0.
    """

    bboxes: np.ndarray
    masks: np.ndarray


class Regarded(NamedTuple):
    """An image with truth and prediction.

    Attributes:
        path: of the image.
        truth: annotated people.
        found: predicted ones.
        iou: mean over annotated people of the best IoU of a predicted one; None without people.
    """

    path: str
    truth: Regions
    found: Regions
    iou: float | None


@FUNCTIONS.register_module()
def regard_detections(sample: BaseDataElement, *, with_masks: bool) -> Regarded | None:
    """Truth and detections of a sample of mmdet.

    Args:
        sample: with ``gt_instances`` and ``pred_instances`` in the pixels of the image.
        with_masks: whether masks are wanted, which takes longer.

    Returns:
        None where the sample has no truth, or stands for an image that could not be read.
    """
    if "gt_instances" not in sample or "bboxes" not in sample.gt_instances:
        return None
    if sample.metainfo.get("is_blank", False):
        return None
    truth, found = sample.gt_instances, sample.pred_instances
    found = found[found.scores > SCORE_THR]
    boxes = [_numbers(one.bboxes).reshape(-1, 4) for one in (truth, found)]
    iou = None
    if len(boxes[0]):
        overlaps = bbox_overlaps(*boxes)  # (people, detections)
        iou = float(overlaps.max(1, initial=0).mean())
    masks = [_masks(one) if with_masks else no_masks() for one in (truth, found)]
    regions = [Regions(*pair) for pair in zip(boxes, masks, strict=True)]
    return Regarded(sample.metainfo["img_path"], *regions, iou)


def no_masks() -> np.ndarray:
    """Masks of nobody."""
    return np.zeros((0, 0, 0), bool)


def _numbers(values: Any) -> np.ndarray:
    """Boxes as an array; mmdet may wrap them in a class of its own."""
    values = getattr(values, "tensor", values)
    return torch.as_tensor(values).detach().float().cpu().numpy()


def _masks(people: Any) -> np.ndarray:
    masks = people.get("masks")
    if masks is None or len(masks) == 0:
        return no_masks()
    if hasattr(masks, "to_ndarray"):
        return masks.to_ndarray().astype(bool)
    return torch.as_tensor(masks).bool().cpu().numpy()


def region_tile(regarded: Regarded) -> np.ndarray | None:
    """An image with its regions.

    Returns:
        (h, w, 3) uint8 RGB; None where the image cannot be read.
    """
    try:
        image = read_image(regarded.path)
    except (UnreadableImageError, OSError):
        return None
    window = np.array([0, 0, *image.shape[1::-1]], np.float64)
    views = [
        cut_view(_drawn(image, regions), window, VIEW)[0]
        for regions in (regarded.truth, regarded.found)
    ]
    note = "nobody" if regarded.iou is None else f"IoU {regarded.iou:.2f}"
    caption = f"{note}  {str(regarded.path).rsplit('/', 1)[-1]}"
    return make_tile(np.concatenate(views, axis=1)[..., ::-1], caption)


def _drawn(image: np.ndarray, regions: Regions) -> np.ndarray:
    """A copy of an image (H, W, 3) BGR with masks, and boxes where there are any."""
    canvas = image.copy()
    count = max(len(regions.bboxes), len(regions.masks))
    colors = np.array([COLOURS[i % len(COLOURS)] for i in range(count)]).reshape(-1, 3)
    # masks of another size belong to a resized image
    if regions.masks.shape[1:] == image.shape[:2]:
        canvas = tint_masks(canvas, regions.masks, colors[: len(regions.masks)], MASK_WEIGHT)
    thickness = max(round(max(image.shape) / 300), 1)
    for box, color in zip(regions.bboxes, _plain(colors), strict=False):
        draw_bboxes(canvas, box[None], color, thickness)
    return canvas


def _plain(colors: np.ndarray) -> Sequence[tuple[int, ...]]:
    return [tuple(int(level) for level in color) for color in colors]
