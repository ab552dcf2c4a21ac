"""Which poses are the same person, and which of them stays: the pose-NMS of the loop."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmpose.structures.bbox import bbox_areas
from mmpose.structures.keypoint import joint_similarity
from mmpose.structures.sigmas import COCO_SIGMAS


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
    # N x N numbers, one removal per pass: on the CPU, without a device round trip per pass
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
