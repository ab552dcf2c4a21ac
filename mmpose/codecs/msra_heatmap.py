"""Gaussian heatmaps of Simple Baselines (B. Xiao et al., arXiv:1804.06208)."""

import numpy as np
import torch
from torch import Tensor

from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures.transfer import small_tensor

from .contract import decode_either_kind
from .encoding import Encoded, axis_offsets, encode_either_kind, is_inside, outer_maps
from .peaks import (
    bound_steps,
    check_kernel_size,
    heatmap_argmax,
    logs_around,
    neighbourhoods,
    newton_steps,
)


def quarter_steps(heatmaps: Tensor, cells: Tensor) -> Tensor:
    """Steps (N, K, 2) of a quarter cell from (N, K, 2) peaks towards the higher side."""
    around = neighbourhoods(heatmaps, cells)
    slopes = torch.stack(
        [around[..., 1, 2] - around[..., 1, 0], around[..., 2, 1] - around[..., 0, 1]], -1
    )
    size = small_tensor(heatmaps.shape[:-3:-1], device=cells.device)  # (w, h)
    # a step along one axis asks for column (row) 2 or later, and for row (column) 1 or later
    movable = (cells > 1) & (cells < size - 1) & (cells.flip(-1) > 0)
    return 0.25 * slopes.sign() * movable


def dark_steps(heatmaps: Tensor, cells: Tensor, peaks: Tensor, kernel_size: int) -> Tensor:
    """Newton steps (N, K, 2) from the peaks of the logarithm of blurred maps.

    Source: F. Zhang et al., Distribution-aware coordinate representation (arXiv:1910.06278).

    Args:
        heatmaps: (N, K, h, w).
        cells: (N, K, 2) x, y of the highest cells, int64; two from the border or nearer stay.
        peaks: (N, K), the values there.
        kernel_size: of the blur, odd.
    """
    around = logs_around(heatmaps, cells, peaks, kernel_size, radius=2, floor=1e-10)
    middle = around[..., 2, 2]
    slope_x = 0.5 * (around[..., 2, 3] - around[..., 2, 1])
    slope_y = 0.5 * (around[..., 3, 2] - around[..., 1, 2])
    curve_x = 0.25 * (around[..., 2, 4] - 2 * middle + around[..., 2, 0])
    curve_y = 0.25 * (around[..., 4, 2] - 2 * middle + around[..., 0, 2])
    diagonal = around[..., 3, 3] + around[..., 1, 1]
    twist = 0.25 * (diagonal - around[..., 1, 3] - around[..., 3, 1])
    size = small_tensor(heatmaps.shape[:-3:-1], device=cells.device)  # (w, h)
    inner = ((cells > 1) & (cells < size - 2)).all(-1, keepdim=True)
    steps = newton_steps((slope_x, slope_y), (curve_x, curve_y), twist)
    return torch.where(inner, steps, 0.0).to(heatmaps.dtype)


@KEYPOINT_CODECS.register_module()
class MSRAHeatmap:
    """Keypoints as gaussians around their cell, decoded a quarter cell towards the higher side.

    Args:
        input_size: (w, h) of the crop.
        heatmap_size: (w, h) of the maps.
        sigma: of the gaussian, heatmap cells.
        unbiased: gaussians over the whole map around the exact keypoint, refined by DARK.
        blur_kernel_size: of the blur before that refinement, odd.
        bounded_steps: cut the steps of the refinement to the cells that they were worked out from;
            False takes them at any length, as published.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float,
        unbiased: bool = False,
        blur_kernel_size: int = 11,
        bounded_steps: bool = True,
    ) -> None:
        self.input_size = tuple(input_size)
        self.heatmap_size = tuple(heatmap_size)
        self.sigma = sigma
        self.unbiased = unbiased
        check_kernel_size(blur_kernel_size)
        self.blur_kernel_size = blur_kernel_size
        self.bounded_steps = bounded_steps
        self.factors = [self.input_size[i] / self.heatmap_size[i] for i in range(2)]

    def encode(
        self,
        keypoints: Tensor | np.ndarray,
        keypoints_visible: Tensor | np.ndarray | None = None,
        keypoints_visibility: Tensor | np.ndarray | None = None,
    ) -> Encoded:
        """Target maps of people; arguments and answer as :meth:`UDPHeatmap.encode`."""
        del keypoints_visibility
        return encode_either_kind(self._encode, keypoints, keypoints_visible)

    def _encode(self, keypoints: Tensor, visible: Tensor) -> dict[str, Tensor]:
        points = keypoints / keypoints.new_tensor(self.factors)
        cells = (points + 0.5).trunc()
        lines, touches = [], []
        for axis, length in enumerate(self.heatmap_size):
            distances = axis_offsets(cells[..., axis], length)  # (N, K, length)
            near = distances.abs() <= 3 * self.sigma
            touches.append(near.any(-1))
            if self.unbiased:
                distances, near = axis_offsets(points[..., axis], length), 1.0
            lines.append(torch.exp(-distances.square() / (2 * self.sigma**2)) * near)
        drawn = touches[0] & touches[1] & (visible >= 0.5)
        return {
            "heatmaps": outer_maps(*lines, drawn.to(points.dtype)),
            "keypoint_weights": torch.where(visible >= 0.5, visible * drawn, visible),
            "annotated": visible > 0,
            "in_image": is_inside(keypoints, self.input_size),
        }

    @decode_either_kind
    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (N, K, 2) in crop pixels and scores (N, K) of maps (N, K, h, w)."""
        heatmaps = heatmaps.float()
        cells, scores = heatmap_argmax(heatmaps)
        if self.unbiased and heatmaps.numel():
            steps = dark_steps(heatmaps, cells, scores, self.blur_kernel_size)
            points = cells + (
                bound_steps(steps, self.blur_kernel_size) if self.bounded_steps else steps
            )
        else:
            points = cells + quarter_steps(heatmaps, cells)
        points = torch.where((scores > 0)[..., None], points, -1.0)
        factors = small_tensor(self.factors, device=points.device, dtype=points.dtype)
        return points * factors, scores
