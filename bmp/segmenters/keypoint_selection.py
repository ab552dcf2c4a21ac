"""In which order the joints of a person are shown to the segmenter.

Pure functions over all people at once. Four published orders: ``k_most_visible``, ``distance``,
``distance+confidence``, ``closest`` (Purkrabek & Matas, "Detection, Pose Estimation and
Segmentation for Multiple Bodies", ICCV 2025, arXiv 2412.01562).
"""

import torch
from torch import Tensor

METHODS = ("k_most_visible", "distance", "distance+confidence", "closest")
NUM_FACE_JOINTS = 3  # nose and eyes: one of them says where the face is


def select_keypoints(
    keypoints: Tensor,
    scores: Tensor,
    visibility: Tensor,
    *,
    method: str,
    confidence_thr: float,
    visibility_thr: float,
    bboxes: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Order in which the joints of each person are to be shown.

    Args:
        keypoints: (N, K, 2) image pixels, finite.
        scores: (N, K).
        visibility: (N, K); a model without it repeats the scores.
        method: one of ``METHODS``.
        confidence_thr: with ``visibility_thr``, what one joint of a person must exceed.
        visibility_thr: a joint below it is never shown.
        bboxes: (N, 4) xyxy whose centre ``distance`` and ``closest`` refer to; None: the mean of
            the person's usable joints.

    Returns:
        (N, K) joint indices, those to show first, and (N,) how many of them those are.

    Raises:
        ValueError: unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"unknown selection method {method!r}; known: {', '.join(METHODS)}")
    has_joint = ((scores > confidence_thr) & (visibility > visibility_thr)).any(1)
    keep = (visibility >= visibility_thr) & has_joint[:, None]  # (N, K)
    if method != "k_most_visible" and keypoints.shape[1] >= NUM_FACE_JOINTS:
        keep = _one_face_joint(keep, visibility)
    if method == "k_most_visible":
        order = sort_kept(visibility, keep)
    elif method == "distance+confidence":
        order = _farthest_confident(keypoints, scores, keep)
    else:
        distance = centre_distance(keypoints, keep, bboxes)  # (N, K)
        if method == "closest":
            order = sort_kept(-distance, keep)
        else:
            order = sort_kept(distance + 3 * _nearest_other(keypoints, keep), keep)
    return order, keep.sum(1)


def sort_kept(key: Tensor, keep: Tensor) -> Tensor:
    """Indices by descending key, kept ones first, the lower index first on ties."""
    return torch.where(keep, key, -torch.inf).argsort(dim=1, descending=True, stable=True)


def _one_face_joint(keep: Tensor, visibility: Tensor) -> Tensor:
    """Of nose and eyes keep the most visible alone, if it is kept: the others are not above it."""
    face = visibility[:, :NUM_FACE_JOINTS]
    if len(face) == 0:
        return keep
    # not one_hot, which looks at the numbers it is given
    is_best = torch.arange(NUM_FACE_JOINTS, device=face.device) == face.argmax(1, keepdim=True)
    return torch.cat([keep[:, :NUM_FACE_JOINTS] & is_best, keep[:, NUM_FACE_JOINTS:]], 1)


def centre_distance(keypoints: Tensor, keep: Tensor, bboxes: Tensor | None) -> Tensor:
    """(N, K) pixels to the centre of the box, or to the mean of the kept joints."""
    if bboxes is not None:
        centre = (bboxes[:, :2] + bboxes[:, 2:]) / 2
    else:
        total = (keypoints * keep[..., None]).sum(1)
        centre = total / keep.sum(1, keepdim=True).clamp(min=1)
    return (keypoints - centre[:, None]).norm(dim=-1)


def _nearest_other(keypoints: Tensor, keep: Tensor) -> Tensor:
    """(N, K) pixels to the nearest other kept joint, 0 for a lone one."""
    gaps = torch.cdist(keypoints, keypoints)
    self_or_dropped = (
        torch.eye(keep.shape[1], dtype=torch.bool, device=keep.device) | ~keep[:, None]
    )
    nearest = gaps.masked_fill(self_or_dropped, torch.inf).amin(2)
    return torch.where(nearest.isinf(), 0.0, nearest)


def _farthest_confident(keypoints: Tensor, scores: Tensor, keep: Tensor) -> Tensor:
    """Greedy order: the best joint, then always the one farthest from those taken, among those
    whose score reaches the 80th percentile of what is left (taken ones count as -1)."""
    num_people, num_keypoints = keep.shape
    by_score = sort_kept(scores, keep)  # ties are settled in this order
    coords = keypoints.gather(1, by_score[..., None].expand(-1, -1, 2))
    kept = keep.gather(1, by_score)
    left = scores.gather(1, by_score).clone()
    gaps = torch.cdist(coords, coords)  # (N, K, K)
    rows = torch.arange(num_people, device=keep.device)
    chosen = torch.zeros(num_people, dtype=torch.long, device=keep.device)
    taken = torch.zeros_like(kept)
    order = []
    for _ in range(num_keypoints):
        order.append(chosen)
        taken[rows, chosen] = True
        left[rows, chosen] = -1.0
        gap = gaps.masked_fill(~taken[:, None], torch.inf).amin(2)  # (N, K) to the nearest taken
        gap = torch.where(left < _percentile(left, kept, 0.8), -1.0, gap)
        gap = gap.masked_fill(~kept, -2.0).masked_fill(taken, -3.0)
        chosen = gap.argmax(1) if num_people else chosen
    return by_score.gather(1, torch.stack(order, 1)) if order else by_score


def _percentile(values: Tensor, keep: Tensor, fraction: float) -> Tensor:
    """(N, 1) linearly interpolated percentile of the kept values of each row."""
    ranked = values.masked_fill(~keep, torch.inf).sort(1).values
    place = fraction * (keep.sum(1, keepdim=True) - 1).clamp(min=0)
    low = ranked.gather(1, place.floor().long())
    high = ranked.gather(1, place.ceil().long())
    return torch.where(low == high, low, low + (place - place.floor()) * (high - low))
