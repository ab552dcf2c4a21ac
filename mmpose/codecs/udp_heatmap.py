"""Heatmaps with unbiased coordinates (UDP, J. Huang et al., arXiv:1911.07524)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmpose.registry import KEYPOINT_CODECS
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
    gaussian_blur,
    heatmap_argmax,
    neighbourhoods,
)

HEATMAP_TYPES = ("gaussian", "combined")


def udp_gaussian_lines(
    heatmap_keypoints: Tensor, heatmap_size: tuple[int, int], sigmas: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """A gaussian around each keypoint, cut off at 3 sigma from its cell, as columns times rows.

    Args:
        heatmap_keypoints: (N, K, 2), heatmap cells, fractions kept.
        heatmap_size: (w, h).
        sigmas: of the gaussians, cells; broadcast to (N, K).

    Returns:
        Lines (N, K, w) and (N, K, h), and whether the gaussian touches the map, (N, K) bool.
    """
    reach = (3 * sigmas + 0.5).floor()[..., None]
    cells = (heatmap_keypoints + 0.5).trunc()
    lines, touches = [], []
    for axis, length in enumerate(heatmap_size):
        distances = axis_offsets(heatmap_keypoints[..., axis], length)  # (N, K, length)
        near = axis_offsets(cells[..., axis], length).abs() <= reach
        lines.append(torch.exp(-distances.square() / (2 * sigmas[..., None].square())) * near)
        touches.append(near.any(-1))
    return lines[0], lines[1], touches[0] & touches[1]


def udp_offset_heatmaps(
    heatmap_keypoints: Tensor, heatmap_size: tuple[int, int], radius: float, visible: Tensor
) -> tuple[Tensor, Tensor]:
    """A disc around each keypoint, and the way to the keypoint from each of its cells.

    Args:
        heatmap_keypoints: (N, K, 2), heatmap cells, fractions kept.
        heatmap_size: (w, h).
        radius: of the disc, cells.
        visible: which keypoints are drawn, (N, K) bool.

    Returns:
        Maps (N, K, 3, h, w): the disc, the offset in x and in y in units of the radius; and
        whether the disc touches the map, (N, K) bool.
    """
    width, height = heatmap_size
    across = -axis_offsets(heatmap_keypoints[..., 0], width)[..., None, :] / radius  # (N, K, 1, w)
    down = -axis_offsets(heatmap_keypoints[..., 1], height)[..., :, None] / radius  # (N, K, h, 1)
    is_inside_disc = across.square() + down.square() <= 1  # (N, K, h, w)
    maps = across.new_empty((*heatmap_keypoints.shape[:2], 3, height, width))
    disc = maps[:, :, 0]
    disc.copy_(is_inside_disc & visible[..., None, None])
    torch.mul(across, disc, out=maps[:, :, 1])
    torch.mul(down, disc, out=maps[:, :, 2])
    return maps, is_inside_disc.flatten(2).any(-1)


def sigma_factors(points: Tensor, seen: Tensor, heatmap_size: tuple[int, int]) -> Tensor:
    """How much wider the gaussians of joints far from every seen joint are, (N, K).

    1 for a seen joint, 3 for one that is the diagonal of the map away or whose person shows none.

    Args:
        points: (N, K, 2), heatmap cells.
        seen: (N, K), positive where the joint is seen.
        heatmap_size: (w, h).
    """
    diagonal = float(np.hypot(*heatmap_size))
    distances = (points[:, :, None] - points[:, None]).norm(dim=-1)  # (N, K, K)
    distances = torch.where(seen[:, None] > 0, distances, torch.inf).amin(-1)
    distances = torch.where(torch.isinf(distances), diagonal, distances)
    return 1 + 2 * distances / diagonal


@KEYPOINT_CODECS.register_module()
class UDPHeatmap:
    """Keypoints as gaussians, decoded by arg-max and DARK refinement, or as discs with offsets.

    Args:
        input_size: (w, h) of the crop.
        heatmap_size: (w, h) of the maps.
        heatmap_type: ``gaussian``; or ``combined``: three maps per joint, a disc and the offsets
            in x and y, decoded by the offset at the highest cell of the blurred disc, whose
            value is the score.
        sigma: of the gaussian, heatmap cells: one number, or (K,) one per joint.
        radius_factor: radius of the disc as a share of the longer side of the map.
        blur_kernel_size: of the blur before refinement, odd; discs are blurred twice as widely.
        bounded_steps: cut the steps of the refinement to the cells that they were worked out from;
            False takes them at any length, as published.
        increase_sigma_with_padding: widen the gaussians of joints far from every seen joint, up
            to three times, and lower their peaks as much, see :func:`sigma_factors`.
        amap_scale: size of the region that the maps show, centred on the crop, in crops.
        normalize: what each gaussian adds up to; None leaves its peak at 1.

    Raises:
        ValueError: a setting is out of its range, or of no use for the heatmap type.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        heatmap_type: str = "gaussian",
        sigma: float | Sequence[float] = 2.0,
        radius_factor: float = 0.0546875,
        blur_kernel_size: int = 11,
        bounded_steps: bool = True,
        increase_sigma_with_padding: bool = False,
        amap_scale: float = 1.0,
        normalize: float | None = None,
    ) -> None:
        if heatmap_type not in HEATMAP_TYPES:
            raise ValueError(f"heatmap_type must be one of {HEATMAP_TYPES}, got {heatmap_type!r}")
        if heatmap_type == "combined" and (increase_sigma_with_padding or normalize is not None):
            raise ValueError(
                "increase_sigma_with_padding and normalize are about gaussians; leave them out "
                "or take heatmap_type='gaussian'"
            )
        if amap_scale <= 0 or np.min(sigma) <= 0:
            raise ValueError(f"need amap_scale, sigma > 0, got {amap_scale}, {sigma}")
        self.input_size = tuple(input_size)
        self.heatmap_size = tuple(heatmap_size)
        self.heatmap_type = heatmap_type
        self.maps_per_keypoint = 3 if heatmap_type == "combined" else 1
        self.sigma = sigma
        self.radius = radius_factor * max(heatmap_size)
        check_kernel_size(blur_kernel_size)
        self.blur_kernel_size = blur_kernel_size
        self.bounded_steps = bounded_steps
        self.increase_sigma_with_padding = increase_sigma_with_padding
        self.amap_scale = amap_scale
        self.normalize = normalize
        # the region that the maps show, crop pixels
        self.region_size = tuple(side * amap_scale for side in self.input_size)
        self.region_corner = tuple(0.5 * side * (1 - amap_scale) for side in self.input_size)

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
            keypoints_visibility: (N, K), whether seen; changes the maps only with
                ``increase_sigma_with_padding``, which needs it.

        Returns:
            heatmaps (N, K, h, w) float32, or (N, 3K, h, w) with the three maps of a joint in
            succession; keypoint_weights (N, K) float32; annotated and in_image (N, K) bool;
            arrays for arrays, tensors for tensors.
        """
        labels = []
        if self.increase_sigma_with_padding:
            if keypoints_visibility is None:
                raise ValueError("increase_sigma_with_padding needs keypoints_visibility (N, K)")
            labels = [keypoints_visibility]
        return encode_either_kind(self._encode, keypoints, keypoints_visible, *labels)

    def _encode(
        self, keypoints: Tensor, visible: Tensor, seen: Tensor | None = None
    ) -> dict[str, Tensor]:
        corner = keypoints.new_tensor(self.region_corner)
        points = to_heatmap_frame(keypoints - corner, self.region_size, self.heatmap_size)
        visible_enough = visible >= 0.5
        if self.heatmap_type == "combined":
            maps, touches = udp_offset_heatmaps(
                points, self.heatmap_size, self.radius, visible_enough
            )
            maps = maps.flatten(1, 2)
        else:
            maps, touches = self._gaussians(points, visible_enough, seen)
        return {
            "heatmaps": maps,
            "keypoint_weights": torch.where(visible_enough, visible * touches, visible),
            "annotated": visible > 0,
            "in_image": is_inside(points, self.heatmap_size),
        }

    def _gaussians(
        self, points: Tensor, visible: Tensor, seen: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        num_keypoints = points.shape[1]
        sigmas = points.new_tensor(self.sigma)
        if sigmas.ndim and len(sigmas) != num_keypoints:
            raise ValueError(f"{len(sigmas)} sigmas for {num_keypoints} keypoints; give one each")
        sigmas = sigmas.expand(points.shape[:2])
        peaks = visible.to(points.dtype)
        if seen is not None:
            factors = sigma_factors(points, seen, self.heatmap_size)
            sigmas, peaks = sigmas * factors, peaks / factors
        columns, rows, touches = udp_gaussian_lines(points, self.heatmap_size, sigmas)
        if self.normalize is not None:
            sums = columns.sum(-1) * rows.sum(-1)
            peaks = torch.where(sums > 0, visible * self.normalize / sums, 0.0)
        return outer_maps(columns, rows, peaks), touches

    @decode_either_kind
    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Joints of maps.

        Args:
            heatmaps: (N, K, h, w), or (N, 3K, h, w) of the ``combined`` type; or those of one
                person without N. Arrays give arrays.

        Returns:
            Keypoints (N, K, 2) float32 in crop pixels, far border at ``input_size``, and scores
            (N, K), the highest value. A map without a positive value gives one cell before the
            corner.
        """
        if self.heatmap_type == "combined":
            keypoints, scores = self._decode_combined(heatmaps.float())
        else:
            keypoints, scores = decode_argmax_udp(
                heatmaps, self.region_size, self.blur_kernel_size, bounded=self.bounded_steps
            )
        if self.amap_scale == 1:
            return keypoints, scores
        # from the far border of the region at its size to pixel centres, and that for the crop
        region, crop, corner = (
            small_tensor(numbers, device=keypoints.device, dtype=keypoints.dtype)
            for numbers in (self.region_size, self.input_size, self.region_corner)
        )
        keypoints = keypoints * (region - 1) / region + corner
        return keypoints * crop / (crop - 1), scores

    def _decode_combined(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        if heatmaps.shape[1] % 3:
            raise ValueError(
                f"combined maps are three per joint, got {heatmaps.shape[1]} channels; give the "
                "head out_channels = 3 K"
            )
        discs, *offsets = heatmaps.unflatten(1, (-1, 3)).unbind(2)  # (N, K, h, w) each
        cells, scores = heatmap_argmax(gaussian_blur(discs, 2 * self.blur_kernel_size + 1))
        # read as they are: a blur would shorten them towards the border of the disc
        steps = torch.cat([neighbourhoods(m, cells, 0)[..., 0] for m in offsets], -1)
        points = cells + steps * self.radius
        points = torch.where((scores > 0)[..., None], points, -1.0)
        height, width = discs.shape[-2:]
        size, last = (
            small_tensor(numbers, device=points.device, dtype=points.dtype)
            for numbers in (self.region_size, (width - 1, height - 1))
        )
        return points * size / last, scores
