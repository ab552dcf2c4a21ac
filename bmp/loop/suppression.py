"""Which poses are the same person, and which of them stays: the pose-NMS of the loop."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmpose.structures.bbox import bbox_areas
from mmpose.structures.constants import constant
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
    similarity = joint_similarity(
        d2, areas[:, None, None], constant(tuple(sigmas), keypoints.device, keypoints.dtype)
    )
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
    num_people = len(similarity)
    people = torch.arange(num_people, device=similarity.device)
    rank = _rank(num_valid, scores)
    remaining = similarity.detach().nan_to_num(-1.0).fill_diagonal_(-1)
    keep = torch.ones(num_people, dtype=torch.bool, device=similarity.device)
    # as many passes as there can be: whether a pass has still something to do, only the device
    # knows, and to ask it costs more than the pass
    for _ in range(num_people - 1):
        place = remaining.argmax()  # the first in row-major order
        first, second = place // num_people, place % num_people
        # take, for an index of no dimension would be fetched to the host
        gone = torch.where(rank.take(first) > rank.take(second), second, first)
        is_gone = (people == gone) & (remaining.take(place) > threshold)
        keep &= ~is_gone
        remaining.masked_fill_(is_gone[:, None] | is_gone, -1)
    return keep


def _rank(num_valid: Tensor, scores: Tensor) -> Tensor:
    """(N,) 0 for who goes first: few joints, then a low score, then a late place."""
    order = torch.arange(len(scores), device=scores.device).flip(0)
    for key in (scores, num_valid):  # the last of stable sorts counts most
        order = order[key[order].argsort(stable=True)]
    return order.argsort()


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
