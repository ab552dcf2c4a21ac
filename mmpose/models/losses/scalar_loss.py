"""Losses on one number per joint, (B, K), averaged over all joints of the batch."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmpose.codecs.peaks import full_precision
from mmpose.models.settings_repr import settings_repr
from mmpose.registry import MODELS

from .weighted_loss import WeightedLoss

REDUCTIONS = {"mean": torch.mean, "sum": torch.sum, "none": lambda terms: terms}


def bce_terms(
    pred: Tensor, target: Tensor, weights: Tensor | None = None, *, is_probability: bool = False
) -> Tensor:
    """Binary cross-entropies, (B, K) float32.

    Args:
        pred: (B, K), logits, or probabilities.
        target: (B, K) in [0, 1].
        weights: (B, K) to multiply the terms by; None counts every joint.
        is_probability: what ``pred`` are.
    """
    compare = F.binary_cross_entropy if is_probability else F.binary_cross_entropy_with_logits
    # the logarithm of a half-precision probability is not safe, and autocast refuses it
    with full_precision(pred):
        terms = compare(pred.float(), target.float(), reduction="none")
        return terms if weights is None else terms * weights


def mse_loss(pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean squared difference of (B, K) numbers, a scalar.

    Args:
        pred: (B, K).
        target: (B, K).
        weights: (B, K); None counts every joint.
    """
    if weights is not None:
        # before the square, so that weights count squared, as published
        pred, target = pred * weights, target * weights
    return F.mse_loss(pred, target)


def l1_log_loss(pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean smooth L1 between log(1 + pred) and log(1 + target), a scalar.

    Args:
        pred: (B, K), not negative.
        target: (B, K), not negative.
        weights: (B, K) to multiply the logarithms by; None counts every joint.
    """
    pred, target = torch.log1p(pred), torch.log1p(target)
    if weights is not None:
        pred, target = pred * weights, target * weights
    return F.smooth_l1_loss(pred, target)


@MODELS.register_module()
class BCELoss(WeightedLoss):
    """Binary cross-entropy, see :func:`bce_terms`.

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
        super().__init__(use_target_weight, loss_weight)
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {list(REDUCTIONS)}, got {reduction!r}")
        self.reduction = reduction
        self.use_sigmoid = use_sigmoid

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return f"{super().extra_repr()}, {settings_repr(self, 'reduction', 'use_sigmoid')}"

    def forward(self, pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        """The weighted terms of (B, K) predictions and targets in [0, 1], reduced."""
        weights = self.counted(weights)
        terms = bce_terms(pred, target, weights, is_probability=self.use_sigmoid)
        return self.loss_weight * REDUCTIONS[self.reduction](terms)


@MODELS.register_module()
class MSELoss(WeightedLoss):
    """Mean squared difference, see :func:`mse_loss`; arguments as in :class:`WeightedLoss`."""

    # an own constructor: a misspelt argument is told with the published name of the class
    def __init__(self, use_target_weight: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__(use_target_weight, loss_weight)

    def forward(self, pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean, a scalar, of (B, K); weights count squared, as published."""
        return self.loss_weight * mse_loss(pred, target, self.counted(weights))


@MODELS.register_module()
class L1LogLoss(WeightedLoss):
    """Smooth L1 of logarithms, see :func:`l1_log_loss`; arguments as in :class:`WeightedLoss`."""

    # an own constructor: a misspelt argument is told with the published name of the class
    def __init__(self, use_target_weight: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__(use_target_weight, loss_weight)

    def forward(self, pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        """The weighted mean, a scalar, of (B, K)."""
        return self.loss_weight * l1_log_loss(pred, target, self.counted(weights))
