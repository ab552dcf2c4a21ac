"""Truth and prediction of a validated sample, for the sheets of a training."""

import numpy as np
from mmengine.registry import FUNCTIONS
from mmengine.structures import BaseDataElement
from pycocotools import mask as coco_mask

from mmpose.visualization.region_samples import Regarded, Regions, no_masks


@FUNCTIONS.register_module()
def regard_prompted(sample: BaseDataElement, *, with_masks: bool) -> Regarded | None:
    """Annotated masks and those that the prompt with the most joints gave.

    Args:
        sample: of `PackPeople` with originals, after :func:`cut_out`.
        with_masks: whether masks are wanted.

    Returns:
        None where the image could not be read or nothing was prompted. ``iou`` is that of each
        annotated person with the best mask.
    """
    if sample.metainfo.get("unreadable", False) or not sample.pred_masks:
        return None
    answers = sample.pred_masks[list(sample.pred_masks)[-1]]
    truths = [truth["rle"] for truth in sample.truths if truth["rle"] is not None]
    shown = zip(answers["rles"], answers["is_prompted"], strict=True)
    found = [rle for rle, is_prompted in shown if is_prompted]
    iou = None
    if truths:
        table = coco_mask.iou(found, truths, [0] * len(truths)) if found else np.zeros((1, 1))
        iou = float(np.mean(np.asarray(table).max(0)))
    boxes = np.zeros((0, 4))
    regions = [
        Regions(boxes, _masks(rles) if with_masks else no_masks()) for rles in (truths, found)
    ]
    return Regarded(sample.metainfo["img_path"], *regions, iou)


def _masks(rles: list[dict]) -> np.ndarray:
    if not rles:
        return no_masks()
    return coco_mask.decode(rles).transpose(2, 0, 1).astype(bool)
