"""Which people are the same, and whose pixel is it: overlap, suppression, exclusive masks.

Pure functions on tensors. What the published code does differently stands in
:mod:`bmp.compat`.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmpose.structures.keypoint import COCO_SIGMAS, joint_similarity


def bbox_areas(bboxes: Tensor) -> Tensor:
    """Areas of boxes.

    Args:
        bboxes: (N, 4) xyxy, pixels.

    Returns:
        (N,), px²; 0 for a box whose corners are swapped.
    """
    sides = (bboxes[:, 2:] - bboxes[:, :2]).clamp(min=0)
    return sides.prod(1)


def pairwise_iou(bboxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of every box with every other box.

    Args:
        bboxes: (N, 4) xyxy, pixels.
        others: (M, 4) xyxy, pixels.

    Returns:
        (N, M) in [0, 1]; 0 where both boxes are empty.
    """
    corners_min = torch.maximum(bboxes[:, None, :2], others[None, :, :2])  # (N, M, 2)
    corners_max = torch.minimum(bboxes[:, None, 2:], others[None, :, 2:])
    shared = (corners_max - corners_min).clamp(min=0).prod(-1)  # (N, M)
    union = bbox_areas(bboxes)[:, None] + bbox_areas(others)[None] - shared
    return torch.where(union > 0, shared / union.clamp(min=1e-9), 0.0)


def pairwise_pose_oks(
    keypoints: Tensor,
    *,
    valid: Tensor,
    areas: Tensor,
    sigmas: Sequence[float] = COCO_SIGMAS,
) -> Tensor:
    """Similarity of every pose with every other pose, each in turn taken as the truth.

    Row i is the pose that counts as true: its valid joints and its area are used, the scores of
    pose j are ignored. A pose without a valid joint is compared by all its joints.

    Args:
        keypoints: (N, K, 2), image pixels.
        valid: (N, K) bool, joints confident enough to be compared.
        areas: (N,), px².
        sigmas: (K,) per-joint constants.

    Returns:
        (N, N) in [0, 1], not symmetric.
    """
    d2 = (keypoints[:, None] - keypoints[None]).square().sum(-1)  # (i, j, K)
    d2 = d2.nan_to_num(torch.inf)  # a joint that is nowhere is like no other
    similarity = joint_similarity(d2, areas[:, None, None], keypoints.new_tensor(sigmas))
    counted = (valid | ~valid.any(1, keepdim=True)).to(similarity.dtype)  # (N, K)
    return (similarity * counted[:, None]).sum(-1) / counted.sum(-1)[:, None]


def check_threshold(threshold: float) -> None:
    """Refuse a similarity above which nobody, or everybody, would be the same person.

    Raises:
        ValueError: it is outside [0, 1].
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"oks_nms_thr must be a similarity in [0, 1], got {threshold}")


def suppress(similarity: Tensor, *, num_valid: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Greedy suppression of similar poses, most similar pair first.

    Of a pair the pose with fewer valid joints goes; with equally many the one with the lower
    score; with equal scores the later one, so that an older person stays. A pose that has gone
    no longer suppresses others.

    Args:
        similarity: (N, N), row i taken as the truth; what is not a number is not similar.
        num_valid: (N,) number of valid joints.
        scores: (N,) pose scores.
        threshold: pairs above it are the same person, in [0, 1].

    Returns:
        (N,) bool, the poses that stay.

    Raises:
        ValueError: the threshold is below 0: everybody would be the same person.
    """
    check_threshold(threshold)
    worst_first = np.lexsort(
        (-np.arange(len(scores)), scores.cpu().numpy(), num_valid.cpu().numpy())
    )
    rank = np.empty(len(worst_first), dtype=np.int64)
    rank[worst_first] = np.arange(len(worst_first))
    # N x N numbers and one removal a step: on the CPU, without a device round trip a step
    remaining = similarity.detach().nan_to_num(-1.0).cpu().numpy().copy()
    np.fill_diagonal(remaining, -1)
    keep = np.ones(len(rank), dtype=bool)
    while remaining.size and remaining.max() > threshold:
        first, second = np.unravel_index(remaining.argmax(), remaining.shape)
        gone = second if rank[first] > rank[second] else first
        keep[gone] = False
        remaining[gone, :] = -1
        remaining[:, gone] = -1
    return torch.from_numpy(keep).to(similarity.device)


def pose_nms(
    keypoints: Tensor,
    keypoint_scores: Tensor,
    bboxes: Tensor,
    *,
    confidence_thr: float,
    oks_thr: float,
    sigmas: Sequence[float] = COCO_SIGMAS,
) -> Tensor:
    """Which poses stay when poses of the same person are suppressed.

    Args:
        keypoints: (N, K, 2), image pixels, older people first.
        keypoint_scores: (N, K).
        bboxes: (N, 4) xyxy, image pixels.
        confidence_thr: joints above it are compared and counted.
        oks_thr: two poses more similar than this are one person.
        sigmas: (K,) per-joint constants.

    Returns:
        (N,) bool, the poses that stay.
    """
    valid = keypoint_scores > confidence_thr
    similarity = pairwise_pose_oks(
        keypoints.double(), valid=valid, areas=bbox_areas(bboxes.double()), sigmas=sigmas
    )
    return suppress(
        similarity, num_valid=valid.sum(1), scores=keypoint_scores.mean(1), threshold=oks_thr
    )


def exclusive_masks(masks: Tensor, scores: Tensor, trimmed: Tensor | None = None) -> Tensor:
    """Give every pixel to one person at most: the one whose mask has the highest score.

    Args:
        masks: (N, H, W) bool.
        scores: (N,) in [0, 1]; equal scores are decided for the earlier mask.
        trimmed: (N,) bool, the masks that may lose pixels; all when None.

    Returns:
        (N, H, W) bool, the masks without the pixels they lost.
    """
    exclusive = torch.empty_like(masks)
    free = torch.ones_like(masks[0]) if len(masks) else None  # (H, W)
    # one pass over the pixels a person: 50 times faster than ranking all claims to every pixel
    for n in scores.argsort(descending=True, stable=True).tolist():
        torch.logical_and(masks[n], free, out=exclusive[n])
        free &= ~masks[n]
    return exclusive if trimmed is None else torch.where(trimmed[:, None, None], exclusive, masks)


def pose_mask_consistency(masks: Tensor, keypoints: Tensor, used: Tensor) -> Tensor:
    """How well masks hold their own joints and leave out those of the others.

    Half the share of the person's used joints that lie inside the mask, plus half the share of
    all other people's used joints that lie outside; a share of nothing is 0.

    Args:
        masks: (N, H, W) bool.
        keypoints: (M, K, 2), image pixels; the first N people are those of the masks.
        used: (M, K) bool, joints that count.

    Returns:
        (N,) in [0, 1].
    """
    num_people, height, width = masks.shape
    limits = torch.tensor([width - 1, height - 1], device=masks.device)
    cells = torch.minimum(keypoints.floor().long().clamp(min=0), limits)  # (M, K, 2)
    inside = masks[:, cells[..., 1], cells[..., 0]]  # (N, M, K)
    own = torch.eye(num_people, len(keypoints), dtype=torch.bool, device=masks.device)

    def share(hits: Tensor, counted: Tensor) -> Tensor:
        return (hits & counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)

    positive = share(inside, used & own[..., None])
    negative = share(~inside, used & ~own[..., None])
    return (positive + negative) / 2


def black_out(image: np.ndarray, masks: Tensor) -> np.ndarray:
    """The image with every pixel under a mask set to 0.

    Args:
        image: (H, W, 3) uint8.
        masks: (N, H, W) bool.

    Returns:
        A copy; the image itself when nobody is to be hidden.

    Raises:
        ValueError: the masks have another size than the image.
    """
    if len(masks) == 0:
        return image
    if tuple(masks.shape[1:]) != image.shape[:2]:
        raise ValueError(
            f"masks are (H, W) = {tuple(masks.shape[1:])}, but the image is {image.shape[:2]}"
        )
    hidden = masks.any(0).cpu().numpy()
    return np.where(hidden[..., None], np.uint8(0), image)
