"""Losses on one number a joint, (B, K), averaged over all joints of the batch."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmpose.codecs.peaks import full_precision
from mmpose.registry import MODELS

REDUCTIONS = {"mean": torch.mean, "sum": torch.sum, "none": lambda terms: terms}


@MODELS.register_module()
class BCELoss(nn.Module):
    """Binary cross-entropy.

    Args:
        use_target_weight: whether the weights given to :meth:`forward` count.
        loss_weight: factor of the whole.
        reduction: ``mean``, ``sum``, or ``none`` for the terms (B, K).
        use_sigmoid: as published: True means that the sigmoid has been applied, so predictions
            are probabilities; False means logits.

    Raises:
        ValueError: another reduction.
    """

    def __init__(
        self,
        use_target_weight: bool = False,
        loss_weight: float = 1.0,
        reduction: str = "mean",
        use_sigmoid: bool = False,
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {list(REDUCTIONS)}, got {reduction!r}")
        self.reduce = REDUCTIONS[reduction]
        self.use_target_weight = use_target_weight
        self.loss_weight = loss_weight
        self.use_sigmoid = use_sigmoid

    def forward(self, pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        """The weighted terms of (B, K) predictions and targets in [0, 1], reduced."""
        compare = F.binary_cross_entropy if self.use_sigmoid else F.binary_cross_entropy_with_logits
        # the logarithm of a half-precision probability is not safe, and autocast refuses it
        with full_precision(pred):
            loss = compare(pred.float(), target.float(), reduction="none")
            if self.use_target_weight and weights is not None:
                loss = loss * weights
            return self.loss_weight * self.reduce(loss)


@MODELS.register_module()
class MSELoss(nn.Module):
    """Mean squared difference.

    Args:
        use_target_weight: whether the weights given to :meth:`forward` count.
        loss_weight: factor of the whole.
    """

    def __init__(self, use_target_weight: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.use_target_weight = use_target_weight
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean, a scalar, of (B, K); weights count squared, as published."""
        if self.use_target_weight and weights is not None:
            pred, target = pred * weights, target * weights
        return self.loss_weight * F.mse_loss(pred, target)


@MODELS.register_module()
class L1LogLoss(nn.Module):
    """Smooth L1 between the logarithms of 1 + prediction and 1 + target, both not negative.

    Args:
        use_target_weight: whether the weights given to :meth:`forward` count.
        loss_weight: factor of the whole.
    """

    def __init__(self, use_target_weight: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.use_target_weight = use_target_weight
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        """The weighted mean, a scalar, of (B, K)."""
        pred, target = torch.log1p(pred), torch.log1p(target)
        if self.use_target_weight and weights is not None:
            pred, target = pred * weights, target * weights
        return self.loss_weight * F.smooth_l1_loss(pred, target)
