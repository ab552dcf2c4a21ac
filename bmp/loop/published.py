"""Published behaviour that this project fixes, kept to be switched on item by item.

Each name in :data:`COMPAT_ITEMS` may stand in ``compat`` of the loop config; all of them are on in
``configs/bmp/bmp_v2_published.py``, which also sets what other parts read (``bgr_as_rgb`` of the
segmenter). Facts: the reference release 2.0.0.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from bmp.loop import suppression
from bmp.loop.masks import exclusive_masks
from bmp.loop.suppression import check_threshold, pairwise_pose_oks, suppress
from bmp.structures import People, with_fields
from mmpose.structures.bbox import bbox_areas, bbox_xywh2xyxy, bbox_xyxy2xywh
from mmpose.structures.constants import constant
from mmpose.structures.keypoint import joint_similarity
from mmpose.structures.packed_masks import PackedMasks, pack_masks
from mmpose.structures.sigmas import COCO_SIGMAS

COMPAT_ITEMS = {
    "nms_area": "xyxy boxes are read as xywh in the pose OKS, so the area is x2 * y2",
    "nms_empty": "a pose without valid joints is compared by its enlarged box, not by its joints",
    "nms_column": "a removed pose goes on suppressing others; of equal poses the row goes",
    "nms_unfiltered": "old people that NMS removed stay when no new one survives",
    "prompt_boxes": "xyxy boxes are read as xywh in box prompts and in the crowd test",
    "masks_new_only": "only new masks lose contested pixels, and win them when equal",
    "mask_polygons": "holes of detector masks are filled and specks dropped before the pose model",
}
"""Name and meaning of every published behaviour that can change numbers."""


def check_compat(items: Sequence[str]) -> frozenset[str]:
    """The items as a set.

    Raises:
        ValueError: an item is unknown; the message lists the known ones.
    """
    unknown = sorted(set(items) - set(COMPAT_ITEMS))
    if unknown:
        known = ", ".join(COMPAT_ITEMS)
        raise ValueError(f"unknown compat items {unknown}; known items: {known}")
    return frozenset(items)


def misread_bboxes(bboxes: Tensor) -> Tensor:
    """Boxes whose xyxy was taken for xywh and turned to xyxy again.

    Args:
        bboxes: (N, 4) xyxy, pixels.

    Returns:
        (N, 4): x1, y1, x1 + x2, y1 + y2.
    """
    return bbox_xywh2xyxy(bboxes)


def similarity_to_enlarged_bbox(
    keypoints: Tensor, bboxes_xywh: Tensor, areas: Tensor, sigmas: Sequence[float] = COCO_SIGMAS
) -> Tensor:
    """Similarity of every pose j with the three times enlarged box of i, 1 for joints inside.

    Args:
        keypoints: (N, K, 2), image pixels.
        bboxes_xywh: (N, 4).
        areas: (N,), px².
        sigmas: (K,).

    Returns:
        (N, N), row i is the box.
    """
    corners, sides = bboxes_xywh[:, :2], bboxes_xywh[:, 2:]
    low, high = corners - sides, corners + 2 * sides  # (N, 2)
    below = (low[:, None, None] - keypoints[None]).clamp(min=0)  # (i, j, K, 2)
    above = (keypoints[None] - high[:, None, None]).clamp(min=0)
    d2 = (below + above).square().sum(-1).nan_to_num(torch.inf)  # (i, j, K)
    sigmas = constant(tuple(sigmas), keypoints.device, keypoints.dtype)
    return joint_similarity(d2, areas[:, None, None], sigmas).mean(-1)


def suppress_by_column(similarity: Tensor, *, num_valid: Tensor, threshold: float) -> Tensor:
    """Suppression as published: only the column of the removed pose is cleared.

    Args:
        similarity: (N, N), row i taken as the truth.
        num_valid: (N,) number of valid joints.
        threshold: pairs above it are the same person.

    Returns:
        (N,) bool, the poses that stay.
    """
    check_threshold(threshold)
    remaining = similarity.detach().nan_to_num(-1.0).cpu().numpy().copy()
    counts = num_valid.cpu().numpy()
    np.fill_diagonal(remaining, -1)
    keep = np.ones(len(counts), dtype=bool)
    while remaining.size and remaining.max() > threshold:
        first, second = np.unravel_index(remaining.argmax(), remaining.shape)
        gone = second if counts[first] > counts[second] else first
        keep[gone] = False
        remaining[:, gone] = 0
        remaining[gone, second] = 0
    return torch.from_numpy(keep).to(similarity.device)


def pose_nms(
    keypoints: Tensor,
    keypoint_scores: Tensor,
    bboxes: Tensor,
    *,
    confidence_thr: float,
    oks_thr: float,
    items: frozenset[str],
    sigmas: Sequence[float] = COCO_SIGMAS,
) -> Tensor:
    """Which poses stay when poses of the same person are suppressed.

    Args:
        keypoints: (N, K, 2), image pixels, older people first.
        keypoint_scores: (N, K).
        bboxes: (N, 4) xyxy, image pixels.
        confidence_thr: joints above it are compared and counted.
        oks_thr: two poses more similar than this are one person.
        items: names of :data:`COMPAT_ITEMS`: the published behaviour of its ``nms_*`` items;
            those of other parts are ignored.
        sigmas: (K,) per-joint constants.

    Returns:
        (N,) bool, the poses that stay.
    """
    if not any(item.startswith("nms_") for item in items):
        thresholds = {"confidence_thr": confidence_thr, "oks_thr": oks_thr}
        return suppression.pose_nms(keypoints, keypoint_scores, bboxes, sigmas=sigmas, **thresholds)
    keypoints, bboxes = keypoints.double(), bboxes.double()
    valid = keypoint_scores > confidence_thr
    # the published code turns "xywh" to xyxy and then reads the result as xywh once more
    bboxes_xywh = misread_bboxes(bboxes)
    areas = bboxes[:, 2:].prod(1)
    if "nms_area" not in items:
        bboxes_xywh = bbox_xyxy2xywh(bboxes)
        areas = bbox_areas(bboxes)
    similarity = pairwise_pose_oks(keypoints, valid=valid, areas=areas, sigmas=sigmas)
    if "nms_empty" in items:
        enlarged = similarity_to_enlarged_bbox(keypoints, bboxes_xywh, areas, sigmas)
        similarity = torch.where(valid.any(1)[:, None], similarity, enlarged)
    num_valid = valid.sum(1)
    if "nms_column" in items:
        return suppress_by_column(similarity, num_valid=num_valid, threshold=oks_thr)
    scores = keypoint_scores.mean(1)
    return suppress(similarity, num_valid=num_valid, scores=scores, threshold=oks_thr)


def mask_polygons(masks: Tensor) -> Tensor:
    """Masks after the published round trip through their outer contours.

    Holes are filled; contours of fewer than four points, such as one-pixel specks, vanish.

    Args:
        masks: (N, H, W) bool.

    Returns:
        (N, H, W) bool.
    """
    filled = np.zeros(masks.shape, dtype=np.uint8)
    for canvas, mask in zip(filled, masks.cpu().numpy().astype(np.uint8), strict=True):
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.fillPoly(canvas, [c for c in contours if len(c) >= 4], 1)
    return torch.from_numpy(filled).to(masks.device, torch.bool)


def pose_inputs(people: Sequence[People], items: frozenset[str]) -> Sequence[People]:
    """``mask_polygons``: people as the pose model is shown them.

    Args:
        people: records of detected people, one per image; those without masks are left alone.
        items: names of :data:`COMPAT_ITEMS`.
    """
    if "mask_polygons" not in items:
        return people
    return [
        with_fields(p, masks=pack_masks(mask_polygons(p.masks)))
        if "masks" in p
        else p  # boxes of a user
        for p in people
    ]


def survivors(keep: Tensor, *, num_old: int, items: frozenset[str]) -> Tensor:
    """``nms_unfiltered``: who stays after pose-NMS.

    Args:
        keep: (N,) bool, the poses that NMS left; older people first.
        num_old: how many of them are of earlier turns.
        items: names of :data:`COMPAT_ITEMS`.

    Returns:
        (N,) bool.
    """
    if "nms_unfiltered" not in items:
        return keep
    # the published code returns early when nobody is new, before it filters the old ones
    is_old = torch.arange(len(keep), device=keep.device) < num_old
    return keep | (is_old & ~keep[num_old:].any())


def prompt_bboxes(bboxes: Tensor, items: frozenset[str]) -> Tensor:
    """``prompt_boxes``: boxes as prompts and the crowd test read them.

    Args:
        bboxes: (N, 4) xyxy, pixels.
        items: names of :data:`COMPAT_ITEMS`.

    Returns:
        (N, 4).
    """
    return misread_bboxes(bboxes) if "prompt_boxes" in items else bboxes


def trim_masks(
    masks: PackedMasks, scores: Tensor, *, num_old: int, items: frozenset[str]
) -> PackedMasks:
    """``masks_new_only``: exclusive masks.

    Args:
        masks: (N, H, W), older people first.
        scores: (N,) in [0, 1].
        num_old: how many people are of earlier turns.
        items: names of :data:`COMPAT_ITEMS`.

    Returns:
        (N, H, W); with the item, old masks are whole and may overlap new ones.
    """
    if "masks_new_only" not in items:
        return exclusive_masks(masks, scores)
    is_new = torch.arange(len(masks), device=masks.device) >= num_old
    # exclusive_masks decides ties for the earlier mask, the published code for the new one
    order = torch.argsort(~is_new, stable=True)
    return exclusive_masks(masks[order], scores[order], is_new[order])[order.argsort()]
