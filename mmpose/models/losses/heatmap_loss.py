"""Losses between predicted and target maps, (B, K, h, w)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmpose.registry import MODELS

OKS_TYPES = ("minus", "plus", "both")


def oks_cells(pred: Tensor, target: Tensor, oks_type: str) -> Tensor:
    """What each cell adds to the loss of expected similarity, (B, K, h, w).

    ``minus`` charges mass where an answer earns little, ``plus`` missing mass where it earns much.
    """
    target = target.clamp(0, 1)
    if oks_type == "minus":
        return pred * (1 - target)
    if oks_type == "plus":
        return (1 - pred) * target
    return 0.5 * (pred * (1 - target) + (1 - pred) * target)


def sobel_energy(maps: Tensor) -> Tensor:
    """Squared gradient magnitude of maps (B, K, h, w), zeros outside."""
    across = torch.tensor([-1.0, 0.0, 1.0], device=maps.device, dtype=maps.dtype)
    along = torch.tensor([1.0, 2.0, 1.0], device=maps.device, dtype=maps.dtype)
    kernel = along[:, None] * across[None]  # (3, 3), derivative in x
    flat = maps.flatten(0, 1)[:, None]  # (B * K, 1, h, w)
    slopes = F.conv2d(flat, torch.stack([kernel, kernel.T])[:, None], padding=1)
    return slopes.square().sum(1).view(maps.shape)


@MODELS.register_module()
class KeypointMSELoss(nn.Module):
    """Mean squared difference of maps, each joint times its weight.

    Args:
        use_target_weight: whether the weights given to :meth:`forward` count.
        loss_weight: factor of the whole.
    """

    def __init__(self, use_target_weight: bool = True, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.use_target_weight = use_target_weight
        self.loss_weight = loss_weight

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weights: Tensor | None = None,
        *,
        per_pixel: bool = False,
    ) -> Tensor:
        """The mean, a scalar, or with ``per_pixel`` the terms (B, K, h, w).

        Args:
            pred: (B, K, h, w).
            target: (B, K, h, w).
            weights: (B, K); None counts every joint.
            per_pixel: do not average.
        """
        loss = (pred - target).square()
        if weights is not None and self.use_target_weight:
            loss = loss * weights[..., None, None]
        return self.loss_weight * (loss if per_pixel else loss.mean())


@MODELS.register_module()
class OKSHeatmapLoss(nn.Module):
    """Expected loss of similarity when answering by the map (ProbPose, arXiv:2412.02254).

    Args:
        use_target_weight: whether the weights given to :meth:`forward` count.
        smoothing_weight: share of the gradient energy, which keeps maps smooth.
        gaussian_weight: share of the squared difference.
        loss_weight: factor of the whole.
        oks_type: ``minus``, ``plus`` or ``both``, see :func:`oks_cells`.
    """

    def __init__(
        self,
        use_target_weight: bool = True,
        smoothing_weight: float = 0.2,
        gaussian_weight: float = 0.0,
        loss_weight: float = 1.0,
        oks_type: str = "minus",
    ) -> None:
        super().__init__()
        if oks_type not in OKS_TYPES:
            raise ValueError(f"oks_type must be one of {OKS_TYPES}, got {oks_type!r}")
        self.use_target_weight = use_target_weight
        self.smoothing_weight = smoothing_weight
        self.gaussian_weight = gaussian_weight
        self.loss_weight = loss_weight
        self.oks_type = oks_type

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weights: Tensor | None = None,
        *,
        per_pixel: bool = False,
        per_keypoint: bool = False,
    ) -> Tensor:
        """The mean over joints, a scalar; or the terms of each joint (B, K) or cell (B, K, h, w).

        A joint adds up the similarity over its cells, but takes the highest gradient energy and
        the mean squared difference; cells are weighted sums of all three.

        Args:
            pred: (B, K, h, w) in [0, 1].
            target: (B, K, h, w), cut to [0, 1].
            weights: (B, K); None counts every joint.
            per_pixel: return the terms of cells.
            per_keypoint: return the terms of joints.
        """
        if weights is None or not self.use_target_weight:
            weights = pred.new_ones(pred.shape[:2])
        weights = self.loss_weight * weights[..., None, None]
        oks = oks_cells(pred, target, self.oks_type) * weights
        energy = sobel_energy(pred) * weights
        squares = (pred - target).square() * weights
        oks_weight = 1 - self.smoothing_weight - self.gaussian_weight
        smoothing, gaussian = self.smoothing_weight, self.gaussian_weight
        if per_pixel:
            return smoothing * energy + oks_weight * oks + gaussian * squares
        joints = (
            oks_weight * oks.sum((-2, -1))
            + smoothing * energy.amax((-2, -1))
            + gaussian * squares.mean((-2, -1))
        )
        return joints if per_keypoint else joints.mean()
