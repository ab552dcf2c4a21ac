"""Heatmaps in the shape of the object keypoint similarity (ProbPose, arXiv:2412.02254).

A map shows, for each cell, what similarity an answer there would earn: joints that annotators
place precisely are narrow, others wide.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures import keypoint_sigmas
from mmpose.structures.transfer import small_tensor

from .contract import decode_either_kind
from .encoding import (
    Encoded,
    axis_offsets,
    encode_either_kind,
    is_inside,
    outer_maps,
    to_heatmap_frame,
)
from .peaks import (
    check_kernel_size,
    decode_argmax_udp,
    expected_oks,
    heatmap_argmax,
    neighbourhoods,
)

MAX_SPREAD = 3.0  # cells²


def oks_spreads(sigmas: Tensor, heatmap_size: tuple[int, int]) -> Tensor:
    """Variance of the similarity around each joint, (K,), cells².

    The person is taken to fill the crop without its padding of 1.25; the clip keeps maps wider
    than a cell and narrower than a limb.
    """
    width, height = heatmap_size
    side = (width / 1.25 * height / 1.25) ** 0.5
    return (2 * (2 * sigmas).square() * side).clamp(0.55, MAX_SPREAD)


class _OKSEncoder:
    """Settings and targets that the three codecs below share by holding one of these."""

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float,
        sigmas: Sequence[float] | None,
        unit_peak: bool,
    ) -> None:
        self.input_size = tuple(input_size)
        self.heatmap_size = tuple(heatmap_size)
        self.sigma = sigma
        self.sigmas = sigmas
        self.unit_peak = unit_peak

    def spreads(self, num_keypoints: int, like: Tensor) -> Tensor:
        """Variances (K,) of the maps, cells², with the dtype and device of ``like``."""
        if self.sigma > 0:
            return torch.full((num_keypoints,), self.sigma, dtype=like.dtype, device=like.device)
        sigmas = keypoint_sigmas(num_keypoints, self.sigmas, like=like)
        return oks_spreads(sigmas, self.heatmap_size)

    def encode(self, keypoints: Tensor, visible: Tensor) -> dict[str, Tensor]:
        """Targets of joints (N, K, 2) in crop pixels, annotated where ``visible`` (N, K) > 0."""
        points = to_heatmap_frame(keypoints, self.input_size, self.heatmap_size)
        spreads = self.spreads(points.shape[1], points)[:, None]
        width, height = self.heatmap_size
        line_x = torch.exp(-axis_offsets(points[..., 0], width).square() / (2 * spreads))
        line_y = torch.exp(-axis_offsets(points[..., 1], height).square() / (2 * spreads))
        annotated = visible > 0
        peak_x, peak_y = line_x.amax(-1, keepdim=True), line_y.amax(-1, keepdim=True)
        peaks = peak_x * peak_y  # (N, K, 1), of the maps: these are products of the lines
        if self.unit_peak:
            is_high = peaks > 1e-3
            line_x = torch.where(is_high, line_x / peak_x, line_x)
            line_y = torch.where(is_high, line_y / peak_y, line_y)
        drawn = (peaks > 0).squeeze(-1)
        return {
            "heatmaps": outer_maps(line_x, line_y, annotated.to(points.dtype)),
            "keypoint_weights": torch.where(drawn | ~annotated, visible, 0.0),
            "annotated": annotated,
            "in_image": is_inside(keypoints, self.input_size),
        }


@KEYPOINT_CODECS.register_module()
class OKSArgMaxHeatmap:
    """Similarity-shaped maps with peak 1, decoded by arg-max and DARK refinement (PMPose).

    Args:
        input_size: (w, h) of the crop.
        heatmap_size: (w, h) of the maps.
        sigma: one variance for all joints in cells²; -1 takes each joint's own.
        sigmas: (K,) constants of the joints; None takes those of the joint list of that length.
        blur_kernel_size: of the blur before refinement, odd.
        bounded_steps: cut the steps of the refinement to the cells that they were worked out from;
            False takes them at any length, as published.
    """

    unit_peak = True

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float = -1,
        sigmas: Sequence[float] | None = None,
        blur_kernel_size: int = 11,
        bounded_steps: bool = True,
    ) -> None:
        self.encoder = _OKSEncoder(input_size, heatmap_size, sigma, sigmas, self.unit_peak)
        self.input_size = self.encoder.input_size
        self.heatmap_size = self.encoder.heatmap_size
        self.sigmas = sigmas
        check_kernel_size(blur_kernel_size)
        self.blur_kernel_size = blur_kernel_size
        self.bounded_steps = bounded_steps

    def encode(
        self,
        keypoints: Tensor | np.ndarray,
        keypoints_visible: Tensor | np.ndarray | None = None,
        keypoints_visibility: Tensor | np.ndarray | None = None,
    ) -> Encoded:
        """Target maps of people; arguments and answer as :meth:`UDPHeatmap.encode`.

        An annotated joint outside the crop keeps its weight as long as its map is not all zero.
        """
        del keypoints_visibility
        return encode_either_kind(self.encoder.encode, keypoints, keypoints_visible)

    @decode_either_kind
    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (N, K, 2) in crop pixels and scores (N, K) of maps (N, K, h, w)."""
        return decode_argmax_udp(
            heatmaps, self.input_size, self.blur_kernel_size, bounded=self.bounded_steps
        )


@KEYPOINT_CODECS.register_module()
class ArgMaxProbMap(OKSArgMaxHeatmap):
    """:class:`OKSArgMaxHeatmap` as first published: peaks off the grid stay below 1."""

    unit_peak = False


@KEYPOINT_CODECS.register_module()
class ProbMap:
    """Similarity-shaped maps decoded by the highest expected similarity (ProbPose).

    Args:
        input_size: (w, h) of the crop.
        heatmap_size: (w, h) of the maps.
        sigma: one variance for all joints in cells²; -1 takes each joint's own.
        sigmas: (K,) constants of the joints; None takes those of the joint list of that length.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float = -1,
        sigmas: Sequence[float] | None = None,
    ) -> None:
        self.encoder = _OKSEncoder(input_size, heatmap_size, sigma, sigmas, unit_peak=False)
        self.input_size = self.encoder.input_size
        self.heatmap_size = self.encoder.heatmap_size
        self.sigmas = sigmas

    def encode(
        self,
        keypoints: Tensor | np.ndarray,
        keypoints_visible: Tensor | np.ndarray | None = None,
        keypoints_visibility: Tensor | np.ndarray | None = None,
    ) -> Encoded:
        """Target maps of people; arguments and answer as :meth:`UDPHeatmap.encode`."""
        del keypoints_visibility
        return encode_either_kind(self.encoder.encode, keypoints, keypoints_visible)

    @decode_either_kind
    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (N, K, 2) in crop pixels and scores (N, K) of maps (N, K, h, w).

        The score is the map's own value at the cell of the highest expected similarity.
        """
        heatmaps = heatmaps.float()
        spreads = self.encoder.spreads(heatmaps.shape[1], heatmaps)
        radius = math.ceil(3 * (self.encoder.sigma if self.encoder.sigma > 0 else MAX_SPREAD))
        expected = expected_oks(heatmaps, spreads, radius)
        cells, _ = heatmap_argmax(expected)
        points = cells + parabola_steps(expected, cells)
        width, height = self.heatmap_size
        flat = cells[..., 1] * width + cells[..., 0]
        scores = heatmaps.flatten(2).gather(2, flat[..., None]).squeeze(-1)
        factors = (self.input_size[0] / (width - 1), self.input_size[1] / (height - 1))
        return points * small_tensor(factors, device=points.device, dtype=points.dtype), scores


def parabola_steps(maps: Tensor, cells: Tensor) -> Tensor:
    """Steps (N, K, 2) from inner cells to the top of the parabola along each axis."""
    around = neighbourhoods(maps, cells)
    lines = torch.stack([around[..., 1, :], around[..., :, 1]], -2)  # (N, K, 2, 3)
    slopes = 0.5 * (lines[..., 2] - lines[..., 0])
    curves = lines[..., 2] - 2 * lines[..., 1] + lines[..., 0]
    curves = torch.where(curves == 0, 1e-6, curves)
    last = small_tensor(maps.shape[:-3:-1], device=maps.device) - 1  # (w - 1, h - 1)
    inner = ((cells > 0) & (cells < last)).all(-1, keepdim=True)
    return torch.where(inner, -slopes / curves, 0.0)
