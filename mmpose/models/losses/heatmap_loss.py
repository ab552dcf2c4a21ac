"""Losses between predicted and target maps, (B, K, h, w)."""

from abc import ABC, abstractmethod

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


class MapLoss(nn.Module, ABC):
    """A loss of maps: a sub-class says what its terms are, all weight and average them alike.

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

    @abstractmethod
    def terms(self, pred: Tensor, target: Tensor, factors: Tensor, *, per_pixel: bool) -> Tensor:
        """The terms of joints, (B, K), or of cells, (B, K, h, w).

        Args:
            pred: (B, K, h, w).
            target: (B, K, h, w).
            factors: what to multiply by, (B, K, 1, 1): weights and ``loss_weight``.
            per_pixel: whether cells are asked for; a loss whose joints have no terms of their
                cells returns those of joints.
        """

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weights: Tensor | None = None,
        *,
        per_pixel: bool = False,
        per_keypoint: bool = False,
    ) -> Tensor:
        """The mean over joints, a scalar; or the terms of joints (B, K) or cells (B, K, h, w).

        Args:
            pred: (B, K, h, w).
            target: (B, K, h, w).
            weights: (B, K); None counts every joint.
            per_pixel: return the terms of cells.
            per_keypoint: return the terms of joints.
        """
        weights = weights if self.use_target_weight else None
        factors = self.loss_weight * joint_weights(target, weights, self.skip_empty_channel)
        terms = self.terms(pred, target, factors, per_pixel=per_pixel)
        return terms if per_pixel or per_keypoint else terms.mean()


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

    def terms(self, pred: Tensor, target: Tensor, factors: Tensor, *, per_pixel: bool) -> Tensor:
        """Means of joints, or squared differences of cells."""
        cells = mse_cells(pred, target, factors)
        return cells if per_pixel else cells.mean((-2, -1))


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
