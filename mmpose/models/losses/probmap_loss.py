"""Losses of ProbPose on maps read as probabilities, (B, K, h, w) (arXiv:2412.02254)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmpose.codecs.peaks import full_precision
from mmpose.models.settings_repr import settings_repr
from mmpose.registry import MODELS
from mmpose.structures.transfer import small_tensor

from .heatmap_loss import MapLoss, mse_cells

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
    across = small_tensor([-1.0, 0.0, 1.0], device=maps.device, dtype=maps.dtype)
    along = small_tensor([1.0, 2.0, 1.0], device=maps.device, dtype=maps.dtype)
    kernel = along[:, None] * across[None]  # (3, 3), derivative in x
    flat = maps.flatten(0, 1)[:, None]  # (B * K, 1, h, w)
    with full_precision(maps):
        slopes = F.conv2d(flat, torch.stack([kernel, kernel.T])[:, None], padding=1)
    return slopes.square().sum(1).view(maps.shape)


def oks_terms(
    pred: Tensor,
    target: Tensor,
    weights: Tensor,
    *,
    oks_type: str = "minus",
    smoothing_weight: float = 0.2,
    gaussian_weight: float = 0.0,
    per_pixel: bool = False,
) -> Tensor:
    """Expected loss of similarity, gradient energy and squared difference, weighted and added.

    A joint adds up the similarity over its cells, but takes the highest gradient energy and the
    mean squared difference; cells are weighted sums of all three.

    Args:
        pred: (B, K, h, w) in [0, 1].
        target: (B, K, h, w), cut to [0, 1].
        weights: (B, K, 1, 1), see :func:`joint_weights`.
        oks_type: see :func:`oks_cells`.
        smoothing_weight: share of the gradient energy.
        gaussian_weight: share of the squared difference; the similarity has what is left of 1.
        per_pixel: return the terms of cells.

    Returns:
        (B, K), or (B, K, h, w).
    """
    oks = oks_cells(pred, target, oks_type) * weights
    energy = sobel_energy(pred) * weights
    squares = mse_cells(pred, target, weights)
    oks_weight = 1 - smoothing_weight - gaussian_weight
    if per_pixel:
        return smoothing_weight * energy + oks_weight * oks + gaussian_weight * squares
    # the sum over a map that adds up to 1 is an expectation; a mean would divide it by h w
    return (
        oks_weight * oks.sum((-2, -1))
        + smoothing_weight * energy.amax((-2, -1))
        + gaussian_weight * squares.mean((-2, -1))
    )


def calibration_terms(pred: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Negative logarithms of the similarity to expect of each joint, (B, K).

    Args:
        pred: (B, K, h, w), probabilities of the cells.
        target: (B, K, h, w), the similarity that an answer there earns.
        weights: (B, K, 1, 1), see :func:`joint_weights`.
    """
    expected = (pred * target).sum((-2, -1))
    # a map without mass where it counts must not give infinity
    return -(expected + 1e-10).log() * weights[..., 0, 0]


@MODELS.register_module()
class OKSHeatmapLoss(MapLoss):
    """Expected loss of similarity when answering by the map (ProbPose, arXiv:2412.02254).

    Args:
        use_target_weight: whether the weights given to :meth:`forward` count.
        skip_empty_channel: joints whose target map is all zero do not count.
        smoothing_weight: share of the gradient energy, which keeps maps smooth.
        gaussian_weight: share of the squared difference.
        loss_weight: factor of the whole.
        oks_type: ``minus``, ``plus`` or ``both``, see :func:`oks_cells`.
    """

    def __init__(
        self,
        use_target_weight: bool = True,
        skip_empty_channel: bool = False,
        smoothing_weight: float = 0.2,
        gaussian_weight: float = 0.0,
        loss_weight: float = 1.0,
        oks_type: str = "minus",
    ) -> None:
        super().__init__(use_target_weight, skip_empty_channel, loss_weight)
        if oks_type not in OKS_TYPES:
            raise ValueError(f"oks_type must be one of {OKS_TYPES}, got {oks_type!r}")
        self.smoothing_weight = smoothing_weight
        self.gaussian_weight = gaussian_weight
        self.oks_type = oks_type

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        own = settings_repr(self, "smoothing_weight", "gaussian_weight", "oks_type")
        return f"{super().extra_repr()}, {own}"

    def terms(self, pred: Tensor, target: Tensor, factors: Tensor, *, per_pixel: bool) -> Tensor:
        """See :func:`oks_terms`; predictions are in [0, 1], targets are cut to it."""
        return oks_terms(
            pred,
            target,
            factors,
            oks_type=self.oks_type,
            smoothing_weight=self.smoothing_weight,
            gaussian_weight=self.gaussian_weight,
            per_pixel=per_pixel,
        )


@MODELS.register_module()
class CalibrationLoss(MapLoss):
    """Negative logarithm of the similarity to expect when answering by a map that adds up to 1.

    Arguments as in :class:`MapLoss`.
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
        """Those of joints, see :func:`calibration_terms`; a joint has no terms of its cells."""
        return calibration_terms(pred, target, factors)
