"""Crops that are cut and coloured in batches, on whatever device the model has.

The arithmetic is OpenCV's, in integers where it has them: ``warpAffine`` with linear
interpolation, and the conversion between BGR and HSV of 8 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from .precision import finest_float

_STEPS, _FRACTION_BITS = 1024, 5  # of OpenCV's source coordinates
_FRACTIONS = 1 << _FRACTION_BITS
_DIVISION_BITS = 12  # of OpenCV's tables for hue and saturation
# blue, green and red among (v, v(1-s), v(1-sf), v(1-s(1-f))), for each sixth of the hue
_SECTORS = ((1, 3, 0), (1, 0, 2), (3, 0, 1), (0, 2, 1), (0, 1, 3), (2, 1, 0))


@dataclass(frozen=True)
class DeferredCrop:
    """What a crop is made of, before it is cut.

    Attributes:
        pixels: (h, w, 3) uint8 BGR, a part of the image.
        inverse: (2, 3) float64, crop to ``pixels``.
        size: (w, h) of the crop.
        mask: (h, w) uint8 0/1, of the person in ``pixels``; None dims nothing.
        alpha: what is outside the mask is multiplied by ``1 - alpha``.
        levels: (256,) uint8, what becomes of each grey level; None changes none.
        hsv_levels: (3, 256) uint8, of hue, saturation and value, after that; None likewise.
    """

    pixels: Tensor
    inverse: Tensor
    size: tuple[int, int]
    mask: Tensor | None = None
    alpha: float = 0.0
    levels: Tensor | None = None
    hsv_levels: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(h, w, 3) of the crop."""
        return self.size[1], self.size[0], 3

    def pin_memory(self) -> "DeferredCrop":
        """The same in pinned memory, as data loaders ask for it."""
        tensors = {
            field.name: getattr(self, field.name).pin_memory()
            for field in fields(self)
            if isinstance(getattr(self, field.name), Tensor)
        }
        return replace(self, **tensors)


def cut_deferred(crops: Sequence[DeferredCrop], device: torch.device | str) -> Tensor:
    """Cut crops, dim them outside their masks and change their colours.

    Args:
        crops: B of them, of one size.
        device: where the work is done.

    Returns:
        (B, 3, h, w) uint8 BGR on the device.
    """
    x, y = _source_coordinates(crops, device)
    read = _PixelReader(crops, device)
    total = 0
    for row in (0, 1):
        for column in (0, 1):
            places_x, places_y = (x >> _FRACTION_BITS) + column, (y >> _FRACTION_BITS) + row
            shares = [
                (values & (_FRACTIONS - 1)) if last else _FRACTIONS - (values & (_FRACTIONS - 1))
                for values, last in ((x, column), (y, row))
            ]
            weights = (shares[0] * shares[1]).int()
            total = total + read(places_x, places_y) * weights[..., None]
    images = ((total + _FRACTIONS**2 // 2) >> 2 * _FRACTION_BITS).to(torch.uint8)
    return _recolour(images.permute(0, 3, 1, 2).contiguous(), crops)


def _source_coordinates(
    crops: Sequence[DeferredCrop], device: torch.device | str
) -> tuple[Tensor, Tensor]:
    """Where the crops' pixels come from, (B, h, w) int64 each, in 1/32 of the parts' pixels."""
    dtype = finest_float(torch.device(device))
    inverse = torch.stack([crop.inverse for crop in crops]).to(device, dtype) * _STEPS  # (B, 2, 3)
    width, height = crops[0].size
    columns = torch.arange(width, device=device, dtype=dtype)
    rows = torch.arange(height, device=device, dtype=dtype)
    # rounded column by column, and row by row with the shift, as OpenCV does
    by_column = (inverse[:, :, 0, None] * columns).round().long()  # (B, 2, w)
    by_row = (inverse[:, :, 1, None] * rows + inverse[:, :, 2, None]).round().long()  # (B, 2, h)
    down = _STEPS // _FRACTIONS
    places = (by_row[..., :, None] + by_column[..., None, :] + down // 2) // down
    return places[:, 0], places[:, 1]


class _PixelReader:
    """Reads pixels of many parts of images, which lie one behind the other in memory."""

    def __init__(self, crops: Sequence[DeferredCrop], device: torch.device | str) -> None:
        shapes = [crop.pixels.shape for crop in crops]
        self.pixels = _join([crop.pixels.reshape(-1, 3) for crop in crops], device)
        sizes = torch.tensor([h * w for h, w, _ in shapes])
        numbers = [sizes.cumsum(0) - sizes, *torch.tensor([shape[:2] for shape in shapes]).T]
        self.starts, self.heights, self.widths = (n.to(device)[:, None, None] for n in numbers)
        self.kept = torch.tensor([1 - crop.alpha for crop in crops], device=device)
        self.inside = None
        if any(crop.mask is not None and crop.alpha for crop in crops):
            whole = [
                torch.ones(crop.pixels.shape[:2], dtype=torch.uint8)
                if crop.mask is None
                else crop.mask
                for crop in crops
            ]
            self.inside = _join([mask.reshape(-1) for mask in whole], device)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Grey levels (B, h, w, 3) int32 at pixels (B, h, w) of the parts, 0 outside them."""
        is_there = (x >= 0) & (x < self.widths) & (y >= 0) & (y < self.heights)
        places = torch.where(is_there, self.starts + y * self.widths + x, 0).reshape(-1)
        levels = self.pixels.index_select(0, places).view(*x.shape, 3)
        if self.inside is not None:
            dimmed = (levels.float() * self.kept[:, None, None, None]).round_()  # half to even
            kept = self.inside.index_select(0, places).view(*x.shape, 1) > 0
            levels = torch.where(kept, levels, dimmed.to(torch.uint8))
        return levels.int() * is_there[..., None]


def _join(parts: Sequence[Tensor], device: torch.device | str) -> Tensor:
    return torch.cat([part.to(device, non_blocking=True) for part in parts])


def _recolour(images: Tensor, crops: Sequence[DeferredCrop]) -> Tensor:
    """Images (B, 3, h, w) uint8 BGR after the tables of their crops."""
    identity = torch.arange(256, dtype=torch.uint8)
    if any(crop.levels is not None for crop in crops):
        tables = [identity if crop.levels is None else crop.levels for crop in crops]
        images = _look_up(images, torch.stack(tables)[:, None].expand(-1, 3, -1))
    turned = [n for n, crop in enumerate(crops) if crop.hsv_levels is not None]
    if turned:
        tables = torch.stack([crops[n].hsv_levels for n in turned])
        images[turned] = hsv_to_bgr(_look_up(bgr_to_hsv(images[turned]), tables))
    return images


def _look_up(images: Tensor, tables: Tensor) -> Tensor:
    """Images (B, 3, h, w) uint8 through tables (B, 3, 256) uint8."""
    tables = tables.to(images.device)
    return tables.gather(2, images.flatten(2).long()).view_as(images)


def bgr_to_hsv(images: Tensor) -> Tensor:
    """Images (B, 3, h, w) uint8 from BGR to hue 0 to 179, saturation and value, as OpenCV."""
    blue, green, red = images.int().unbind(1)
    value = images.amax(1).int()
    spread = value - images.amin(1).int()
    numbers = torch.arange(1, 256, device=images.device, dtype=torch.float32)
    zero = numbers.new_zeros(1)
    by_value, by_spread = (
        torch.cat([zero, (top * (1 << _DIVISION_BITS) / numbers).round()]).int()
        for top in (255, 30)
    )
    half = 1 << (_DIVISION_BITS - 1)
    saturation = (spread * by_value[value] + half) >> _DIVISION_BITS
    hue = torch.where(
        value == red,
        green - blue,
        torch.where(value == green, blue - red + 2 * spread, red - green + 4 * spread),
    )
    hue = (hue * by_spread[spread] + half) >> _DIVISION_BITS
    hue = torch.where(hue < 0, hue + 180, hue)
    return torch.stack([hue, saturation, value], 1).to(torch.uint8)


def hsv_to_bgr(images: Tensor) -> Tensor:
    """Images (B, 3, h, w) uint8 from hue 0 to 179, saturation and value to BGR."""
    hue, saturation, value = images.float().unbind(1)
    hue, saturation, value = hue / 30, saturation / 255, value / 255
    sector = hue.floor()
    fraction = hue - sector
    choices = torch.stack(
        [
            value,
            value * (1 - saturation),
            value * (1 - saturation * fraction),
            value * (1 - saturation * (1 - fraction)),
        ],
        1,
    )  # (B, 4, h, w)
    chosen = torch.tensor(_SECTORS, device=images.device)[sector.long() % 6]  # (B, h, w, 3)
    levels = choices.gather(1, chosen.permute(0, 3, 1, 2))
    return (levels * 255).round().clamp(0, 255).to(torch.uint8)
