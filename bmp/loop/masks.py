"""Whose pixel is it: exclusive masks, masks that fit the joints, people painted black.

Pure functions; what the published code does differently stands in :mod:`bmp.loop.published`.
"""

import numpy as np
import torch
from torch import Tensor

from mmpose.structures.packed_masks import PackedMasks, as_packed


def exclusive_masks(
    masks: PackedMasks, scores: Tensor, trimmed: Tensor | None = None
) -> PackedMasks:
    """Give every pixel to one person at most: the one whose mask has the highest score.

    Args:
        masks: (N, H, W).
        scores: (N,) in [0, 1]; equal scores are decided for the earlier mask.
        trimmed: (N,) bool, the masks that may lose pixels; all when None.

    Returns:
        (N, H, W), the masks without the pixels they lost.
    """
    if len(masks) == 0:
        return masks
    order = scores.argsort(descending=True, stable=True)
    ranked = masks.words[order]  # a copy, so that people are reached without asking the device
    taken = torch.zeros_like(ranked[0])
    # one pass over the pixels per person: 50 times faster than ranking all claims to every pixel
    for claim in ranked:
        claimed = taken | claim
        claim.bitwise_and_(taken.bitwise_not_())
        taken = claimed
    exclusive = PackedMasks(ranked[order.argsort()].view(torch.uint8), masks.width)
    return exclusive if trimmed is None else exclusive.where(trimmed, masks)


def pose_mask_consistency(masks: PackedMasks, keypoints: Tensor, used: Tensor) -> Tensor:
    """How well masks hold their own joints and leave out those of the others.

    Half the share of the person's used joints that lie inside the mask, plus half the share of
    all other people's used joints that lie outside; a share of nothing is 0.

    Args:
        masks: (N, H, W).
        keypoints: (M, K, 2), image pixels; the first N people are those of the masks.
        used: (M, K) bool, joints that count.

    Returns:
        (N,) in [0, 1].
    """
    num_people, height, width = masks.shape
    x = keypoints[..., 0].floor().long().clamp(0, width - 1)  # (M, K)
    y = keypoints[..., 1].floor().long().clamp(0, height - 1)
    inside = masks.read(x, y)  # (N, M, K)
    own = torch.eye(num_people, len(keypoints), dtype=torch.bool, device=masks.device)

    def share(hits: Tensor, counted: Tensor) -> Tensor:
        return (hits & counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)

    positive = share(inside, used & own[..., None])
    negative = share(~inside, used & ~own[..., None])
    return (positive + negative) / 2


def black_out(image: np.ndarray | Tensor, masks: PackedMasks | Tensor) -> np.ndarray | Tensor:
    """The image with every pixel under a mask set to 0.

    Args:
        image: (H, W, 3) uint8.
        masks: (N, H, W).

    Returns:
        A copy of the same kind; the image itself when nobody is to be hidden.

    Raises:
        ValueError: the masks have another size than the image.
    """
    if len(masks) == 0:
        return image
    if tuple(masks.shape[1:]) != tuple(image.shape[:2]):
        raise ValueError(
            f"masks are (H, W) = {tuple(masks.shape[1:])}, but the image is "
            f"{tuple(image.shape[:2])}"
        )
    packed = as_packed(masks)
    hidden = packed.union().unpack()[0]
    if isinstance(image, Tensor):
        return image.masked_fill(hidden[..., None], 0)
    seen = image.copy()
    seen[hidden.cpu().numpy()] = 0
    return seen
