"""Masks as bits: an eighth of the memory, and eight pixels (or 64) in one operation.

Rows are padded to whole words of 64 bits. Every bit behind the width is 0, so that whole words can
be counted, joined and compared. All of it is tensor code without a wait for the device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

WORD = 64  # bits
# moves bit 0 of the eight bytes of a word into its last byte, the first byte to the lowest bit
_GATHER_BITS = 0x0102040810204080


@dataclass(frozen=True)
class PackedMasks:
    """N masks of H rows and W columns.

    Attributes:
        bits: (N, H, R) uint8, R a multiple of 8; the lowest bit is the leftmost pixel.
        width: W.
    """

    bits: Tensor
    width: int

    def __len__(self) -> int:
        return len(self.bits)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, H, W), as of the unpacked masks."""
        return (*self.bits.shape[:2], self.width)

    @property
    def device(self) -> torch.device:
        """Where the bits lie."""
        return self.bits.device

    def __getitem__(self, rows: slice | Tensor) -> "PackedMasks":
        """Some of the masks, by slice, indices or (N,) bool."""
        return PackedMasks(self.bits[rows], self.width)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "PackedMasks":
        """The same masks on another device."""
        return PackedMasks(self.bits.to(device, non_blocking=non_blocking), self.width)

    def detach(self) -> "PackedMasks":
        """Itself: bits have no gradient."""
        return self

    def unpack(self) -> Tensor:
        """The masks as (N, H, W) bool."""
        num_masks, height, row_bytes = self.bits.shape
        masks = torch.empty(
            num_masks, height, self.width, dtype=torch.bool, device=self.bits.device
        )
        table = _unpacked_bytes(self.bits.device)
        for mask, bits in zip(masks, self.bits, strict=True):  # one at a time: indices take room
            words = table.index_select(0, bits.reshape(-1).int())
            mask.copy_(words.view(torch.bool).view(height, row_bytes * 8)[:, : self.width])
        return masks

    def where(self, chosen: Tensor, others: "PackedMasks") -> "PackedMasks":
        """These masks for the (N,) bool ``chosen``, ``others`` for the rest."""
        bits = torch.where(chosen[:, None, None], self.words, others.words)
        return PackedMasks(bits.view(torch.uint8), self.width)

    def only(self, chosen: Tensor) -> "PackedMasks":
        """These masks for the (N,) bool ``chosen``, empty ones for the rest."""
        bits = self.words.masked_fill(~chosen[:, None, None], 0)
        return PackedMasks(bits.view(torch.uint8), self.width)

    @property
    def words(self) -> Tensor:
        """(N, H, R / 8) int64, the same bits."""
        return self.bits.view(torch.int64)

    def areas(self) -> Tensor:
        """(N,) int64, pixels inside."""
        counts = [_count_bits(mask).sum() for mask in self.words]  # one at a time: cache
        return torch.stack(counts) if counts else self.words.new_zeros(0)

    def any(self) -> Tensor:
        """(N,) bool, which masks have a pixel."""
        return self.words.flatten(1).ne(0).any(1)

    def read(self, x: Tensor, y: Tensor) -> Tensor:
        """Whether pixels lie inside: (N, ...) bool of the masks at columns x and rows y (...)."""
        found = self.bits[:, y, x >> 3]
        return ((found >> (x & 7).to(torch.uint8)) & 1).bool()

    def union(self) -> "PackedMasks":
        """One mask with every pixel that is inside of any."""
        words = self.words
        if len(words) == 0:
            return PackedMasks(self.bits.new_zeros(1, *self.bits.shape[1:]), self.width)
        return PackedMasks(fold_or(words, 0)[None].view(torch.uint8), self.width)

    def bboxes(self, fallback: Tensor) -> Tensor:
        """Tight boxes, edges at the outer side of the border pixels.

        Args:
            fallback: (N, 4) xyxy, taken where a mask is empty.

        Returns:
            (N, 4) xyxy float32, pixels.
        """
        if len(self) == 0:
            return fallback.to(torch.float32)
        rows = self.words.ne(0).any(2)  # (N, H)
        columns = PackedMasks(fold_or(self.words, 1)[:, None].view(torch.uint8), self.width)
        (x1, x2), (y1, y2) = _extent(columns.unpack()[:, 0]), _extent(rows)
        tight = torch.stack([x1, y1, x2, y2], 1).to(torch.float32)
        return torch.where(rows.any(1)[:, None], tight, fallback.to(torch.float32))


def row_bytes(width: int) -> int:
    """Bytes of a packed row of so many pixels."""
    return -(-width // WORD) * (WORD // 8)


def pack_masks(masks: Tensor) -> PackedMasks:
    """Masks (N, H, W) bool as bits."""
    num_masks, height, width = masks.shape
    size = row_bytes(width)
    bits = torch.empty(num_masks, height, size, dtype=torch.uint8, device=masks.device)
    for mask, packed in zip(masks, bits, strict=True):  # one at a time: words take eight times
        packed.copy_(pack_rows(torch.nn.functional.pad(mask, (0, size * 8 - width))))
    return PackedMasks(bits, width)


def as_packed(masks: PackedMasks | Tensor) -> PackedMasks:
    """Masks (N, H, W) of either kind as bits."""
    return masks if isinstance(masks, PackedMasks) else pack_masks(masks)


def pack_rows(pixels: Tensor) -> Tensor:
    """(..., 8 n) bool to (..., n) uint8."""
    words = pixels.contiguous().view(torch.int64)
    # the product overflows, which throws away what is above the wanted byte
    return ((words * _GATHER_BITS) >> (WORD - 8)).to(torch.uint8)


def empty_masks(
    num_masks: int, image_shape: tuple[int, int], device: torch.device | str
) -> PackedMasks:
    """Masks without a pixel, of an image of (H, W)."""
    height, width = image_shape
    bits = torch.zeros(num_masks, height, row_bytes(width), dtype=torch.uint8, device=device)
    return PackedMasks(bits, width)


def join_masks(parts: Sequence[PackedMasks]) -> PackedMasks:
    """Masks of one size, one after the other."""
    return PackedMasks(torch.cat([part.bits for part in parts]), parts[0].width)


def fold_or(words: Tensor, dim: int) -> Tensor:
    """Bitwise or along an axis, which must have a length: by halves, as torch lacks the sum."""
    while (length := words.shape[dim]) > 1:
        half = length // 2
        folded = words.narrow(dim, 0, half) | words.narrow(dim, half, half)
        words = (
            folded
            if length % 2 == 0
            else torch.cat([folded, words.narrow(dim, length - 1, 1)], dim)
        )
    return words.squeeze(dim)


def _extent(line: Tensor) -> tuple[Tensor, Tensor]:
    """First set place of each row of (N, L) bool, and the one behind the last."""
    first = line.to(torch.uint8).argmax(1)
    last = line.shape[1] - line.flip(1).to(torch.uint8).argmax(1)
    return first, last


def _count_bits(words: Tensor) -> Tensor:
    """Set bits of int64 words: sums of pairs, of fours, of bytes, of all bytes."""
    pairs = words - ((words >> 1) & 0x5555555555555555)
    fours = (pairs & 0x3333333333333333) + ((pairs >> 2) & 0x3333333333333333)
    eights = (fours + (fours >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (eights * 0x0101010101010101) >> (WORD - 8)


@cache
def _unpacked_bytes(device: torch.device) -> Tensor:
    """(256,) int64 whose eight bytes are the bits of the index."""
    bits = (torch.arange(256)[:, None] >> torch.arange(8)) & 1
    return bits.to(torch.uint8).view(torch.int64)[:, 0].to(device)
