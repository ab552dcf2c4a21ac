"""Small maps of logits as masks at the size of the image, worked out inside their boxes alone.

Bilinear enlarging is linear and each axis has its own weights, so that a piece of a mask is a
product of three small matrices: weights of its rows, logits, weights of its columns.
"""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from mmpose.engine.memory import run_in_chunks
from mmpose.structures.constants import is_free_to_read
from mmpose.structures.packed_masks import PackedMasks, empty_masks, pack_rows, row_bytes

# float32 pixels of enlarged masks at a time, where whole masks are made: 256 MiB
PIXELS_AT_A_TIME = 2**26
_BYTE = 8  # pixels


class Axis(NamedTuple):
    """How L pixels of an image are made of C cells of a map, along one axis."""

    weights: Tensor
    """(L', C) float32; pixels from L on, which fill up the last word of bits, have none."""
    length: int
    """L."""
    pixels: list[tuple[int, int]]
    """Of each cell, the first pixel that it has a part in and the one behind the last."""
    cells: list[tuple[int, int]]
    """Of each pixel, likewise its cells."""


def make_axis(weights: Tensor) -> Axis:
    """An axis from weights (L, C) of cells in pixels, each of at least one cell."""
    length = len(weights)
    filler = row_bytes(length) * _BYTE - length
    used = weights > 0
    return Axis(
        F.pad(weights, (0, 0, 0, filler)),
        length,
        _spans(used.T),
        _spans(used) + [(weights.shape[1] - 1, weights.shape[1])] * filler,
    )


def _spans(used: Tensor) -> list[tuple[int, int]]:
    """First true place of each row of (N, L) bool and the one behind the last."""
    first = used.byte().argmax(1)
    last = used.shape[1] - used.flip(1).byte().argmax(1)
    return list(zip(first.tolist(), last.tolist(), strict=True))


def enlarge_masks(
    mask_logits: Tensor, rows: Axis, columns: Axis, *, level: float = 0.0
) -> PackedMasks:
    """Masks of the size of the image, as bits.

    Args:
        mask_logits: (N, h, w).
        rows: how the H rows of the image are made of h.
        columns: how its W columns are made of w.
        level: logit above which a pixel is inside, after enlarging.

    Returns:
        (N, H, W).
    """
    mask_logits = mask_logits.float()
    masks = empty_masks(len(mask_logits), (rows.length, columns.length), mask_logits.device)
    if not is_free_to_read(mask_logits):  # to know the boxes would be a wait
        _enlarge_whole(mask_logits, rows, columns, level, masks)
        return masks
    # outside the cells above the level no weighted mean of cells exceeds it
    inside = mask_logits > level
    down, across = _spans(inside.any(2)), _spans(inside.any(1))
    for n in inside.flatten(1).any(1).nonzero()[:, 0].tolist():
        top, bottom = rows.pixels[down[n][0]][0], rows.pixels[down[n][1] - 1][1]
        left, right = columns.pixels[across[n][0]][0], columns.pixels[across[n][1] - 1][1]
        if bottom <= top or right <= left:  # cells that the image does not reach
            continue
        left, right = left // _BYTE * _BYTE, -(-right // _BYTE) * _BYTE
        ys = slice(rows.cells[top][0], rows.cells[bottom - 1][1])
        xs = slice(columns.cells[left][0], max(c[1] for c in columns.cells[left:right]))
        piece = rows.weights[top:bottom, ys] @ mask_logits[n, ys, xs]
        piece = (piece @ columns.weights[left:right, xs].T) > level
        piece[:, max(0, columns.length - left) :] = False  # they fill up the last byte
        masks.bits[n, top:bottom, left // _BYTE : right // _BYTE] = pack_rows(piece)
    return masks


def _enlarge_whole(
    mask_logits: Tensor, rows: Axis, columns: Axis, level: float, masks: PackedMasks
) -> None:
    """Fill ``masks`` without looking where people are."""
    weights = rows.weights[: rows.length]
    chunk = max(1, PIXELS_AT_A_TIME // (len(weights) * len(columns.weights)))

    def enlarge(part: slice) -> None:
        pieces = (weights @ mask_logits[part] @ columns.weights.T) > level
        pieces[..., columns.length :] = False
        masks.bits[part] = pack_rows(pieces)

    run_in_chunks(enlarge, len(mask_logits), chunk, "masks at full size")
