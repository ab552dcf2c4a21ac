"""Losses between predicted and target maps, (B, K, h, w)."""

import torch
from torch import Tensor, nn

from mmpose.models.settings_repr import settings_repr
from mmpose.registry import MODELS

from .weighted_loss import WeightedLoss


def joint_weights(target: Tensor, weights: Tensor | None, skip_empty_channel: bool) -> Tensor:
    """What to multiply joints by, (B, K, 1, 1).

    Args:
        target: (B, K, h, w).
        weights: (B, K); None counts every joint.
        skip_empty_channel: joints whose target map is all zero do not count.

    Raises:
        ValueError: the weights are of another number of joints.
    """
    weights = target.new_ones(target.shape[:2]) if weights is None else weights
    if weights.shape != target.shape[:2]:
        raise ValueError(
            f"weights must be {tuple(target.shape[:2])}, one per map, got {tuple(weights.shape)}; "
            "combined maps, three per joint, want CombinedTargetMSELoss"
        )
    if skip_empty_channel:
        weights = weights * (target != 0).flatten(2).any(-1)
    return weights[..., None, None]


def mse_cells(pred: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Weighted squared differences, (B, K, h, w).

    Args:
        pred: (B, K, h, w).
        target: (B, K, h, w).
        weights: (B, K, 1, 1), see :func:`joint_weights`.
    """
    return (pred - target).square() * weights


def combined_mse(pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Half the sum of the mean squares of disc and offsets, averaged over joints, a scalar.

    Args:
        pred: (B, 3K, h, w): disc, offset in x and offset in y of each joint in succession.
        target: (B, 3K, h, w); beyond its discs offsets are free.
        weights: (B, K); None counts every joint.

    Raises:
        ValueError: the maps are not three per joint, or the weights of another number.
    """
    if pred.shape[1] % 3:
        raise ValueError(
            f"combined maps are three per joint, got {pred.shape[1]} channels; one map per joint "
            "wants KeypointMSELoss"
        )
    pred, target = (maps.unflatten(1, (-1, 3)) for maps in (pred, target))  # (B, K, 3, h, w)
    discs = target[:, :, :1]
    # far from the joint an offset points nowhere: only the disc says where it is to be learnt
    counted = torch.cat([torch.ones_like(discs), discs, discs], 2)
    squares = ((pred - target) * counted).square().mean((-2, -1)).sum(2)  # (B, K)
    joints = squares * joint_weights(discs[:, :, 0], weights, False)[..., 0, 0]
    return 0.5 * joints.mean()


class MapLoss(nn.Module):
    """What losses of maps share.

    Args:
        use_target_weight: whether the weights given to ``forward`` count.
        skip_empty_channel: joints whose target map is all zero do not count.
        loss_weight: factor of the whole.
    """

    def __init__(
        self,
        use_target_weight: bool = True,
        skip_empty_channel: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.use_target_weight = use_target_weight
        self.skip_empty_channel = skip_empty_channel
        self.loss_weight = loss_weight

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return settings_repr(self, "use_target_weight", "skip_empty_channel", "loss_weight")

    def factors(self, target: Tensor, weights: Tensor | None) -> Tensor:
        """What the terms of each joint are multiplied by, (B, K, 1, 1), ``loss_weight`` in it.

        Args:
            target: (B, K, h, w).
            weights: (B, K), or None.
        """
        weights = weights if self.use_target_weight else None
        return self.loss_weight * joint_weights(target, weights, self.skip_empty_channel)


@MODELS.register_module()
class KeypointMSELoss(MapLoss):
    """Mean squared difference of maps, each joint times its weight.

    Arguments as in :class:`MapLoss`; the published class multiplies by the weights even where
    ``use_target_weight`` is False.
    """

    # an own constructor: a misspelt argument is told with the published name of the class
    def __init__(
        self,
        use_target_weight: bool = True,
        skip_empty_channel: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(use_target_weight, skip_empty_channel, loss_weight)

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weights: Tensor | None = None,
        *,
        per_pixel: bool = False,
        per_keypoint: bool = False,
    ) -> Tensor:
        """The mean, a scalar; or the means of each joint (B, K) or terms of each cell.

        Args:
            pred: (B, K, h, w).
            target: (B, K, h, w).
            weights: (B, K); None counts every joint.
            per_pixel: do not average: (B, K, h, w).
            per_keypoint: average over cells alone: (B, K).
        """
        cells = mse_cells(pred, target, self.factors(target, weights))
        if per_pixel:
            return cells
        return cells.mean((-2, -1)) if per_keypoint else cells.mean()


@MODELS.register_module()
class CombinedTargetMSELoss(WeightedLoss):
    """Squared differences of discs, and of the offsets within them (UDP, arXiv:1911.07524).

    Arguments as in :class:`WeightedLoss`: by default, as published, weights do not count.
    """

    # an own constructor: a misspelt argument is told with the published name of the class
    def __init__(self, use_target_weight: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__(use_target_weight, loss_weight)

    def forward(self, pred: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean, a scalar; arguments and errors as of :func:`combined_mse`."""
        return self.loss_weight * combined_mse(pred, target, self.counted(weights))
