"""Gaussian heatmaps with unbiased coordinates (UDP, J. Huang et al., arXiv:1911.07524)."""

import numpy as np
import torch
from torch import Tensor

from mmpose.registry import KEYPOINT_CODECS

from .encoding import Encoded, axis_offsets, encode_either_kind, is_inside, to_heatmap_frame
from .peaks import decode_argmax_udp


def udp_gaussian_heatmaps(
    heatmap_keypoints: Tensor, heatmap_size: tuple[int, int], sigma: float
) -> tuple[Tensor, Tensor]:
    """A gaussian around each keypoint, cut off at 3 sigma from its cell.

    Args:
        heatmap_keypoints: (N, K, 2), heatmap cells, fractions kept.
        heatmap_size: (w, h).
        sigma: of the gaussian, cells.

    Returns:
        Maps (N, K, h, w), and whether the gaussian touches the map, (N, K) bool.
    """
    reach = 3 * sigma
    cells = (heatmap_keypoints + 0.5).trunc()
    lines, touches = [], []
    for axis, length in enumerate(heatmap_size):
        distances = axis_offsets(heatmap_keypoints[..., axis], length)  # (N, K, length)
        near = axis_offsets(cells[..., axis], length).abs() <= reach
        lines.append(torch.exp(-distances.square() / (2 * sigma**2)) * near)
        touches.append(near.any(-1))
    return lines[1][..., :, None] * lines[0][..., None, :], touches[0] & touches[1]


@KEYPOINT_CODECS.register_module()
class UDPHeatmap:
    """Keypoints as gaussians, decoded by arg-max and DARK refinement.

    Args:
        input_size: (w, h) of the crop.
        heatmap_size: (w, h) of the maps.
        sigma: of the gaussian, heatmap cells.
        blur_kernel_size: of the blur before refinement, odd.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float = 2.0,
        blur_kernel_size: int = 11,
    ) -> None:
        self.input_size = tuple(input_size)
        self.heatmap_size = tuple(heatmap_size)
        self.sigma = sigma
        self.blur_kernel_size = blur_kernel_size

    def encode(
        self,
        keypoints: Tensor | np.ndarray,
        keypoints_visible: Tensor | np.ndarray | None = None,
        keypoints_visibility: Tensor | np.ndarray | None = None,
    ) -> Encoded:
        """Target maps of people.

        Args:
            keypoints: (N, K, 2), crop pixels.
            keypoints_visible: (N, K), whether annotated; None means all.
            keypoints_visibility: (N, K), whether seen; does not change the maps.

        Returns:
            heatmaps (N, K, h, w) float32; keypoint_weights (N, K) float32; annotated and
            in_image (N, K) bool; arrays for arrays, tensors for tensors.
        """
        del keypoints_visibility
        return encode_either_kind(self._encode, keypoints, keypoints_visible)

    def _encode(self, keypoints: Tensor, visible: Tensor) -> dict[str, Tensor]:
        points = to_heatmap_frame(keypoints, self.input_size, self.heatmap_size)
        maps, touches = udp_gaussian_heatmaps(points, self.heatmap_size, self.sigma)
        drawn = touches & (visible >= 0.5)
        return {
            "heatmaps": maps * drawn[..., None, None],
            "keypoint_weights": torch.where(visible >= 0.5, visible * touches, visible),
            "annotated": visible > 0,
            "in_image": is_inside(points, self.heatmap_size),
        }

    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (N, K, 2) in crop pixels and scores (N, K) of maps (N, K, h, w)."""
        return decode_argmax_udp(heatmaps, self.input_size, self.blur_kernel_size)
