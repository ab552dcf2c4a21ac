"""Which detections are false because they lie on a blacked-out person."""

import torch
from torch import Tensor

from mmpose.structures.bbox import bbox_overlaps


def match_people(bboxes: Tensor, people: Tensor, *, iou_thr: float = 0.5) -> Tensor:
    """One person at most for every detection, one detection at most for every person.

    COCO's greedy rule: the best-scored detection takes the person it overlaps most, the next one
    chooses among the others.

    Args:
        bboxes: detections, (N, 4) xyxy, best score first.
        people: (M, 4) xyxy.
        iou_thr: least IoU of a pair.

    Returns:
        Index of the person, (N,) int64; -1 for none.
    """
    iou = bbox_overlaps(bboxes, people)
    matches = torch.full((len(bboxes),), -1, device=bboxes.device)
    for n in range(len(bboxes)) if len(people) else ():  # each choice limits the next
        best_iou, best = iou[n].max(0)
        if best_iou >= iou_thr:
            matches[n] = best
            iou[:, best] = -1
    return matches


def find_holes_hit(
    bboxes: Tensor,
    masks: Tensor | None,
    *,
    is_matched: Tensor,
    removed_bboxes: Tensor,
    holes: Tensor,
    share_thr: float = 0.5,
    iou_thr: float = 0.5,
) -> Tensor:
    """On which hole every detection is false.

    A detection is false on a hole when it is nobody's who is left and at least half of its mask
    is paint. Such a mask is right for nobody: masks of people left hold no painted pixel. Unlike
    the IoU with the removed person, the share also sees half a body found in a hole, and one
    body found across two. Without a mask, or with an empty one, the box decides: it is false
    when its IoU with the box of somebody removed reaches ``iou_thr``.

    Args:
        bboxes: detections, (N, 4) xyxy, image pixels.
        masks: theirs, (N, H, W) bool; None for a detector of boxes alone.
        is_matched: detections that are a person left, (N,) bool.
        removed_bboxes: of the people blacked out, (R, 4) xyxy.
        holes: what was painted, (R, H, W) bool.
        share_thr: least share of the mask.
        iou_thr: least IoU of the box where there is no mask.

    Returns:
        The hole with most of the mask, else box, (N,) int64; -1 for detections that are right,
        or wrong elsewhere.
    """
    none = torch.full((len(bboxes),), -1, device=bboxes.device)
    if len(holes) == 0 or len(bboxes) == 0:
        return none
    best_iou, hole = bbox_overlaps(bboxes, removed_bboxes).max(1)
    is_false = best_iou >= iou_thr
    if masks is not None:
        flat = masks.flatten(1).float()  # sums of ones are exact in float32 up to 16 Mpx
        sizes = flat.sum(1)
        painted = flat @ holes.any(0).flatten().float()
        has_mask = sizes > 0
        is_false = torch.where(has_mask, painted >= share_thr * sizes, is_false)
        hole = torch.where(has_mask, (flat @ holes.flatten(1).float().T).argmax(1), hole)
    return torch.where(is_false & ~is_matched, hole, none)
