"""Losses of one prompting step (SAM 2, Ravi et al. 2024, appendix)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def focal_loss(logits: Tensor, masks: Tensor, *, alpha: float = 0.25, gamma: float = 2) -> Tensor:
    """Mean over pixels of the focal loss.

    Args:
        logits: (N, M, R, R).
        masks: (N, 1, R, R) float 0 or 1.
        alpha: weight of the inside; the outside has 1 - alpha.
        gamma: how much certain pixels are discounted.

    Returns:
        (N, M).
    """
    masks = masks.expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    certainty = torch.exp(-entropy)  # probability of the true class
    weight = (1 - alpha) + (2 * alpha - 1) * masks
    return (weight * (1 - certainty) ** gamma * entropy).mean((-2, -1))


def dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """1 - Dice coefficient with 1 added above and below, (N, M)."""
    inside = logits.sigmoid()
    common = (inside * masks).sum((-2, -1))
    return 1 - (2 * common + 1) / (inside.sum((-2, -1)) + masks.sum((-2, -1)) + 1)


def mask_iou(logits: Tensor, masks: Tensor) -> Tensor:
    """Measured IoU of logit > 0 with the truth, (N, M)."""
    predicted, truth = logits > 0, masks > 0.5
    common = (predicted & truth).sum((-2, -1))
    return common / (predicted | truth).sum((-2, -1)).clamp(min=1)


def step_losses(
    logits: Tensor,
    scores: Tensor,
    object_logits: Tensor,
    masks: Tensor,
    *,
    num_people: float | Tensor | None = None,
    mask_weight: float = 20.0,
    dice_weight: float = 1.0,
) -> dict[str, Tensor]:
    """Unweighted losses of one step, averaged over people.

    Of several masks only the best one (smallest weighted focal + dice) learns its shape; all learn
    their score. People whose true mask is empty teach the object score alone.

    Args:
        logits: (N, M, R, R).
        scores: (N, M) estimated IoU.
        object_logits: (N, 1).
        masks: (N, R, R) bool.
        num_people: what sums over people are divided by; None: N.
        mask_weight: of the focal loss in choosing the best mask.
        dice_weight: of the Dice loss likewise.

    Returns:
        ``mask``, ``dice``, ``iou``, ``object``: scalars, with 0 people 0.
    """
    truth = masks[:, None].to(logits.dtype)
    exists = truth.flatten(1).any(1).to(logits.dtype)  # (N,)
    num_people = max(len(masks), 1) if num_people is None else num_people
    focal, dice = focal_loss(logits, truth), dice_loss(logits, truth)  # (N, M)
    best = (mask_weight * focal + dice_weight * dice).argmin(1, keepdim=True)
    score_error = (scores - mask_iou(logits, truth)).abs().mean(1)  # (N,)
    presence = F.binary_cross_entropy_with_logits(object_logits[:, 0], exists, reduction="sum")
    return {
        "mask": (focal.gather(1, best)[:, 0] * exists).sum() / num_people,
        "dice": (dice.gather(1, best)[:, 0] * exists).sum() / num_people,
        "iou": (score_error * exists).sum() / num_people,
        "object": presence / num_people,
    }
