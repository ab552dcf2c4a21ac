"""Masks at the size of the image from a coarse grid of logits.

mmdet enlarges the grid to the network's input and that to the image, in two bilinear steps and in
floats for every pixel of every person. Both steps are linear, and each axis has its own, so that a
pixel is a weighted sum of at most three by three cells. Where all of these lie on one side of the
threshold, so does the pixel: only tiles of pixels on an outline are worked out.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_BYTES = 64 * 2**20
"""How much memory the tiles that are worked out together may take."""
_NUM_TAPS = 3
_BYTES_PER_PIXEL = 16  # of a tile: two float matrices, their comparison, and indices


class _Axis(NamedTuple):
    """One axis of the image, cut into T tiles: runs of pixels that depend on the same cells."""

    cells: Tensor
    """(T, 3) int64, the cells that a tile depends on."""
    pixels: Tensor
    """(T, P) int64, the pixels of a tile, its last one repeated up to P."""
    weights: Tensor
    """(T, P, 3) float32, of those cells in those pixels."""
    tiles: Tensor
    """(L,) int64, the tile of each pixel."""


def upsample_masks(
    logits: Tensor,
    image_shape: tuple[int, int],
    *,
    stride: int,
    scale_factor: tuple[float, float] = (1.0, 1.0),
    threshold: float = 0.5,
    chunk_bytes: int = CHUNK_BYTES,
) -> Tensor:
    """Masks at full resolution, as mmdet's two bilinear steps give them.

    Beside the masks themselves, N * H * W bytes, it takes ``chunk_bytes``: 100 people on an image
    of 3840 x 2160 need 0.78 GiB for the masks and 0.06 GiB to make them.

    Args:
        logits: (N, h, w); cell 0 starts at the corner of the image.
        image_shape: (H, W); what lies beyond is cut off.
        stride: pixels of the network's input per cell.
        scale_factor: of the image to the network's input, (w, h).
        threshold: probability above which a pixel belongs to the person.
        chunk_bytes: how much memory to work with; at least one tile is made at a time.

    Returns:
        (N, H, W) bool, on the device of the logits.
    """
    rows, columns = (
        _cut_axis(cells, length, stride, scale, logits.device)
        for cells, length, scale in zip(
            logits.shape[1:], image_shape, reversed(scale_factor), strict=True
        )
    )
    level = math.log(threshold / (1 - threshold))
    inside = logits > level
    is_full, is_touched = (
        reduce(reduce(inside[:, rows.cells], 2)[:, :, columns.cells], 3)  # (N, rows, columns)
        for reduce in (torch.all, torch.any)
    )
    masks = is_full.index_select(2, columns.tiles).index_select(1, rows.tiles)
    logits = logits.float()
    tile_pixels = rows.pixels.shape[1] * columns.pixels.shape[1]
    chunk = max(1, chunk_bytes // (_BYTES_PER_PIXEL * tile_pixels))
    for part in (is_touched & ~is_full).nonzero().split(chunk):
        person, row, column = part.unbind(1)
        person = person[:, None, None]
        cells = logits[person, rows.cells[row][:, :, None], columns.cells[column][:, None]]
        tiles = rows.weights[row] @ cells @ columns.weights[column].mT  # (tiles, P, Q)
        masks[person, rows.pixels[row][:, :, None], columns.pixels[column][:, None]] = tiles > level
    return masks


def _cut_axis(
    num_cells: int, length: int, stride: int, scale: float, device: torch.device
) -> _Axis:
    """Tiles of an axis of ``length`` pixels."""
    cells = torch.eye(num_cells, device=device)[None]
    weights = F.interpolate(cells, scale_factor=float(stride), mode="linear")
    factor = (1 + 1e-12) / scale  # a hair more, so that rounding never leaves the last pixel out
    weights = F.interpolate(weights, scale_factor=factor, mode="linear")[0, :, :length]
    num_taps = min(_NUM_TAPS, num_cells)
    first_cells = (weights > 0).byte().argmax(0).clamp(max=num_cells - num_taps)  # (L,)
    starts, tiles, counts = first_cells.unique_consecutive(return_inverse=True, return_counts=True)
    cells = starts[:, None] + torch.arange(num_taps, device=device)
    offsets = torch.arange(int(counts.max()), device=device)
    first_pixels = counts.cumsum(0) - counts
    pixels = first_pixels[:, None] + offsets.minimum(counts[:, None] - 1)
    return _Axis(cells, pixels, weights[cells[:, None], pixels[..., None]], tiles)
