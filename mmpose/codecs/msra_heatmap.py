"""Gaussian heatmaps of Simple Baselines (B. Xiao et al., arXiv:1804.06208)."""

import numpy as np
import torch
from torch import Tensor

from mmpose.registry import KEYPOINT_CODECS

from .encoding import Encoded, axis_offsets, encode_either_kind, is_inside
from .peaks import heatmap_argmax, neighbourhoods


@KEYPOINT_CODECS.register_module()
class MSRAHeatmap:
    """Keypoints as gaussians around their cell, decoded a quarter cell towards the higher side.

    Args:
        input_size: (w, h) of the crop.
        heatmap_size: (w, h) of the maps.
        sigma: of the gaussian, heatmap cells.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float,
    ) -> None:
        self.input_size = tuple(input_size)
        self.heatmap_size = tuple(heatmap_size)
        self.sigma = sigma
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
            lines.append(torch.exp(-distances.square() / (2 * self.sigma**2)) * near)
            touches.append(near.any(-1))
        drawn = touches[0] & touches[1] & (visible >= 0.5)
        maps = lines[1][..., :, None] * lines[0][..., None, :]
        return {
            "heatmaps": maps * drawn[..., None, None],
            "keypoint_weights": torch.where(visible >= 0.5, visible * drawn, visible),
            "annotated": visible > 0,
            "in_image": is_inside(keypoints, self.input_size),
        }

    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (N, K, 2) in crop pixels and scores (N, K) of maps (N, K, h, w)."""
        heatmaps = heatmaps.float()
        cells, scores = heatmap_argmax(heatmaps)
        around = neighbourhoods(heatmaps, cells)
        slopes = torch.stack(
            [around[..., 1, 2] - around[..., 1, 0], around[..., 2, 1] - around[..., 0, 1]], -1
        )
        size = torch.tensor(self.heatmap_size, device=cells.device)
        # a step along one axis asks for column (row) 2 or later, and for row (column) 1 or later
        movable = (cells > 1) & (cells < size - 1) & (cells.flip(-1) > 0)
        points = cells + 0.25 * slopes.sign() * movable
        points = torch.where((scores > 0)[..., None], points, -1.0)
        return points * points.new_tensor(self.factors), scores
