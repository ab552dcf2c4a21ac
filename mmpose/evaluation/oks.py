"""Object keypoint similarity and the suppression built on it (COCO keypoint evaluation)."""

import math

import torch
from torch import Tensor

from mmpose.structures.keypoint import joint_similarity


def pairwise_oks(
    pred: Tensor, gt: Tensor, *, labelled: Tensor, areas: Tensor, sigmas: Tensor
) -> Tensor:
    """Object keypoint similarity of every prediction with every annotated person.

    A joint d pixels off scores exp(-d² / (2 s² k²)), where s² is the area of the person and
    k twice the sigma of the joint.

    Args:
        pred: predicted keypoints, (N, K, 2), image pixels.
        gt: annotated keypoints, (M, K, 2), image pixels.
        labelled: which joints are annotated, (M, K), bool.
        areas: areas of the annotated people, (M,), px².
        sigmas: per-joint constants of the data set, (K,).

    Returns:
        Mean over the labelled joints, (N, M), in [0, 1]; 0 where a person has none.

    Raises:
        ValueError: ``pred`` and ``gt`` have different joints.
    """
    if pred.shape[1:] != gt.shape[1:]:
        raise ValueError(
            f"pred and gt must share (K, 2), got {tuple(pred.shape)} and {tuple(gt.shape)}; "
            "map both to one skeleton first"
        )
    d2 = (pred[:, None] - gt[None]).square().sum(-1)  # (N, M, K)
    similarity = joint_similarity(d2, areas[:, None], sigmas) * labelled  # (N, M, K)
    return similarity.sum(-1) / labelled.sum(-1).clamp(min=1)  # (N, M)


def pose_overlaps(keypoints: Tensor, areas: Tensor, sigmas: Tensor) -> Tensor:
    """Similarity of predicted poses with each other, all joints counted.

    As `pairwise_oks`, with the mean of both areas in place of the annotated one.

    Args:
        keypoints: (N, K, 2), image pixels.
        areas: (N,), px².
        sigmas: (K,).

    Returns:
        (N, N) in [0, 1], symmetric.
    """
    d2 = (keypoints[:, None] - keypoints[None]).square().sum(-1)  # (N, N, K)
    mean_areas = (areas[:, None] + areas[None]) / 2  # (N, N)
    return joint_similarity(d2, mean_areas[..., None], sigmas).mean(-1)


def oks_nms(
    keypoints: Tensor, scores: Tensor, areas: Tensor, sigmas: Tensor, threshold: float
) -> Tensor:
    """Keep the best of poses that resemble each other.

    Args:
        keypoints: (N, K, 2), image pixels.
        scores: (N,); equal scores keep their order.
        areas: (N,), px².
        sigmas: (K,).
        threshold: a pose more similar than this to a kept, better one is dropped.

    Returns:
        Indices of the kept poses, best first, int64.
    """
    order = scores.argsort(descending=True, stable=True)
    similar = pose_overlaps(keypoints[order], areas[order], sigmas) > threshold
    similar = similar.cpu().numpy()
    is_kept = torch.ones(len(order), dtype=torch.bool).numpy()
    for i in range(len(order)):
        if is_kept[i]:
            is_kept[i + 1 :] &= ~similar[i, i + 1 :]
    return order[torch.from_numpy(is_kept).to(order.device)]


def check_nms_threshold(threshold: float, mode: str) -> None:
    """Refuse a threshold that no suppression can work with.

    Args:
        threshold: of `oks_nms` or `soft_oks_nms`.
        mode: which of them.

    Raises:
        ValueError: it is negative or not finite, or, of the soft one, 0.
    """
    is_soft = mode == "soft_oks_nms"
    if mode != "none" and (not 0 <= threshold < math.inf or (is_soft and threshold == 0)):
        needed = "above 0" if is_soft else "0 or more"
        raise ValueError(
            f"nms_thr of {mode!r} must be {needed}, got {threshold}; "
            "nms_mode='none' suppresses nothing"
        )


def soft_oks_nms(
    keypoints: Tensor,
    scores: Tensor,
    areas: Tensor,
    sigmas: Tensor,
    threshold: float,
    max_poses: int = 20,
) -> tuple[Tensor, Tensor]:
    """Rank poses down instead of dropping them, the more the better poses resemble them.

    Each pose taken multiplies the scores of the rest by exp(-oks² / threshold); the next one is
    the best by these scores (soft-NMS, N. Bodla et al., arXiv:1704.04503).

    Args:
        keypoints: (N, K, 2), image pixels.
        scores: (N,), not negative; equal scores keep their order.
        areas: (N,), px².
        sigmas: (K,).
        threshold: the smaller, the lower similar poses fall.
        max_poses: how many are taken at most.

    Returns:
        Indices of the taken poses, best first, int64, and their lowered scores.
    """
    factors = torch.exp(-pose_overlaps(keypoints, areas, sigmas).square() / threshold)
    num_taken = min(len(scores), max_poses)
    current, is_taken = scores.clone(), torch.zeros_like(scores, dtype=torch.bool)
    order = torch.empty(num_taken, dtype=torch.int64, device=scores.device)
    lowered = scores.new_empty(num_taken)
    for rank in range(num_taken):
        best = current.argmax()
        order[rank], lowered[rank] = best, current[best]
        is_taken[best] = True
        current = torch.where(is_taken, -torch.inf, current * factors[best])
    return order, lowered
