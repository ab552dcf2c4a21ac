"""Cutting the crops of many people out of many images at once.

The arithmetic is that of OpenCV's ``warpAffine`` with linear interpolation (source coordinates in
steps of 1/32 pixel, rounding half up), so crops cut here and in the data sets agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .bbox import get_udp_warp_matrix

_COORDINATE_BITS, _FRACTION_BITS = 10, 5
_FRACTIONS = 1 << _FRACTION_BITS
# Three channels travel in one integer: a weighted sum of grey levels, at most 255 * 32², fits
# into 20 bits, so one gather and one product serve all three.
_LANE_BITS = 20


def source_coordinates(
    centers: Tensor, scales: Tensor, output_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Where the columns and rows of upright crops come from, in 1/32 pixels of the image.

    Args:
        centers: (N, 2) centres of the windows, image pixels.
        scales: (N, 2) their width and height.
        output_size: (w, h) of the crops.

    Returns:
        x (N, w) and y (N, h), int64.
    """
    matrices = get_udp_warp_matrix(centers, scales, 0.0, output_size).double()
    factors = torch.stack([matrices[:, 0, 0], matrices[:, 1, 1]], 1)  # (N, 2)
    inverse = factors.flip(1) * (1 / factors.prod(1, keepdim=True))  # as OpenCV rounds it
    shifts = -inverse * matrices[:, :, 2]
    # OpenCV adds the rounded shift to the rounded column, but rounds rows with their shift
    steps, half = 1 << _COORDINATE_BITS, 1 << (_COORDINATE_BITS - _FRACTION_BITS - 1)
    columns, rows = (torch.arange(n, device=centers.device).double() for n in output_size)
    x = (inverse[:, :1] * columns * steps).round() + (shifts[:, :1] * steps).round()
    y = ((inverse[:, 1:] * rows + shifts[:, 1:]) * steps).round()
    down_to_fractions = _COORDINATE_BITS - _FRACTION_BITS
    return (x.long() + half) >> down_to_fractions, (y.long() + half) >> down_to_fractions


def pack_pixels(pixels: Tensor) -> Tensor:
    """Pixels (P, 3) uint8 as (P,) int64, a lane a channel."""
    first, second, third = (pixels[:, i].long() for i in range(3))
    return first + (second << _LANE_BITS) + (third << 2 * _LANE_BITS)


def unpack_pixels(packed: Tensor) -> Tensor:
    """Weighted sums (N, h, w) of packed pixels as (N, 3, h, w) uint8; weights add up to 32²."""
    lanes = torch.stack([packed >> i * _LANE_BITS for i in range(3)], 1)
    lanes = lanes & ((1 << _LANE_BITS) - 1)
    return ((lanes + _FRACTIONS**2 // 2) >> 2 * _FRACTION_BITS).to(torch.uint8)


def dim_grey_levels(image: Tensor, alpha: float) -> Tensor:
    """A uint8 image multiplied by ``1 - alpha``, rounded half to even as the data sets do."""
    return (image.float() * (1 - alpha)).round_().to(torch.uint8)


@dataclass(frozen=True)
class CropSource:
    """The pixels of B images in one line, and where those of each of N people are.

    Attributes:
        palette: (P,) packed pixels of all images, perhaps followed by all of them dimmed.
        dim_offset: from a pixel to its dimmed twin; 0 when nothing is dimmed.
        starts: (N,) the first pixel of each person's image.
        shapes: (N, 2) its (H, W).
        mask_pixels: (M,) bool, all masks in one line; None when nothing is dimmed.
        mask_starts: (N,) where each person's mask begins in it.
        is_masked: (N,) bool; the others are cut plain.
    """

    palette: Tensor
    dim_offset: int
    starts: Tensor
    shapes: Tensor
    mask_pixels: Tensor | None
    mask_starts: Tensor
    is_masked: Tensor

    def among(self, people: slice) -> "CropSource":
        """The same images for some of the people."""
        fields = ("starts", "shapes", "mask_starts", "is_masked")
        return replace(self, **{name: getattr(self, name)[people] for name in fields})


def make_crop_source(
    images: Sequence[Tensor],
    num_people: Sequence[int],
    masks: Sequence[Tensor | None] | None = None,
    alpha: float = 0.0,
) -> CropSource:
    """Gather images and masks for :func:`cut_crops`.

    Args:
        images: B of (H, W, 3) uint8 on one device, sizes may differ.
        num_people: B, how many people each has; N in all.
        masks: B of (N_i, H, W) bool or None; a person whose mask is empty is not dimmed.
        alpha: what is outside the mask is multiplied by ``1 - alpha`` before interpolation.
    """
    device = images[0].device
    counts = torch.tensor(num_people, device=device)
    shapes = torch.tensor([image.shape[:2] for image in images], device=device)  # (B, 2)
    sizes = shapes.prod(1)
    flat = torch.cat([image.reshape(-1, 3) for image in images])
    masks = [None] * len(images) if masks is None else masks
    dims = alpha > 0 and any(mask is not None for mask in masks)
    if not dims:
        masks = [None] * len(images)
    nobody = torch.zeros(0, dtype=torch.bool, device=device)
    lines = [nobody if mask is None else mask.reshape(-1) for mask in masks]
    room = torch.where(torch.tensor([mask is not None for mask in masks], device=device), sizes, 0)
    room = room.repeat_interleave(counts)  # (N,)
    versions = [flat, dim_grey_levels(flat, alpha)] if dims else [flat]
    return CropSource(
        palette=torch.cat([pack_pixels(pixels) for pixels in versions]),
        dim_offset=len(flat) if dims else 0,
        starts=(sizes.cumsum(0) - sizes).repeat_interleave(counts),
        shapes=shapes.repeat_interleave(counts, 0),
        mask_pixels=lines[0] if len(lines) == 1 else torch.cat(lines),
        mask_starts=room.cumsum(0) - room,
        is_masked=torch.cat(
            [
                nobody.new_zeros(count) if mask is None else mask.flatten(1).any(1)
                for mask, count in zip(masks, num_people, strict=True)
            ]
        ),
    )


def cut_crops(
    source: CropSource, centers: Tensor, scales: Tensor, output_size: tuple[int, int]
) -> Tensor:
    """Crops of N people, bilinear, black outside the image, dimmed outside the person's mask.

    Args:
        source: the images and masks of these people.
        centers: (N, 2) centres of the windows, image pixels.
        scales: (N, 2) their width and height, of the aspect ratio of the crop.
        output_size: (w, h) of the crops.

    Returns:
        (N, 3, h, w) uint8, channels as in the images.
    """
    x, y = source_coordinates(centers, scales, output_size)
    heights, widths = source.shapes.T[:, :, None]  # (N, 1) each
    columns, column_weights = _corners(x, widths)
    rows, row_weights = _corners(y, heights)
    packed = 0
    for row, row_weight in zip(rows, row_weights, strict=True):
        line = 0
        for column, column_weight in zip(columns, column_weights, strict=True):
            place = (row * widths)[:, :, None] + column[:, None]  # (N, h, w)
            line = line + _look_up(source, place) * column_weight[:, None]
        packed = packed + line * row_weight[:, :, None]
    return unpack_pixels(packed)


def _corners(coordinates: Tensor, limits: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """The two neighbouring pixels along an axis and their weights, 0 outside the image."""
    first, fraction = coordinates >> _FRACTION_BITS, coordinates & (_FRACTIONS - 1)
    pixels, weights = [], []
    for pixel, weight in ((first, _FRACTIONS - fraction), (first + 1, fraction)):
        is_inside = (pixel >= 0) & (pixel < limits)
        pixels.append(torch.where(is_inside, pixel, 0))
        weights.append(torch.where(is_inside, weight, 0))
    return pixels, weights


def _look_up(source: CropSource, place: Tensor) -> Tensor:
    """Packed pixels at places (N, h, w) of each person's image."""
    pixel = place + source.starts[:, None, None]
    if source.dim_offset:
        is_masked = source.is_masked[:, None, None]
        mask_place = torch.where(is_masked, place + source.mask_starts[:, None, None], 0)
        is_dimmed = is_masked & ~_take(source.mask_pixels, mask_place)
        pixel = pixel + is_dimmed * source.dim_offset
    return _take(source.palette, pixel)


def _take(line: Tensor, places: Tensor) -> Tensor:
    """``line[places]``, several times faster on a CPU."""
    return line.index_select(0, places.reshape(-1)).view(places.shape)
