"""A person's mask as the small window that holds it, decoded without drawing the whole image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask


@dataclass(frozen=True)
class RegionMask:
    """A mask that is 0 outside a window of its image.

    Attributes:
        pixels: (h, w) uint8 0/1, the window.
        left: column of the image where the window begins.
        top: row likewise.
    """

    pixels: np.ndarray
    left: int
    top: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the image that ``pixels`` are."""
        height, width = self.pixels.shape
        return np.s_[self.top : self.top + height, self.left : self.left + width]

    def within(self, left: int, top: int, right: int, bottom: int) -> "RegionMask":
        """What another window (far ends exclusive) shows of the mask, from that window's corner."""
        height, width = self.pixels.shape
        first_x, first_y = max(left, self.left), max(top, self.top)
        last_x = max(min(right, self.left + width), first_x)
        last_y = max(min(bottom, self.top + height), first_y)
        pixels = self.pixels[
            first_y - self.top : last_y - self.top, first_x - self.left : last_x - self.left
        ]
        return RegionMask(pixels, first_x - left, first_y - top)

    def cut(self, left: int, top: int, right: int, bottom: int) -> np.ndarray:
        """The mask in another window (far ends exclusive), as a new array of its size."""
        cut = np.zeros((bottom - top, right - left), np.uint8)
        part = self.within(left, top, right, bottom)
        if part.pixels.size:
            cut[part.window] = part.pixels
        return cut

    def mirrored(self, image_width: int) -> "RegionMask":
        """The mask in the image mirrored left to right."""
        left = image_width - self.left - self.pixels.shape[1]
        return RegionMask(cv2.flip(self.pixels, 1), left, self.top)

    def with_context(self, factor: float, img_shape: tuple[int, int]) -> "RegionMask":
        """The same mask in a window enlarged about its centre and clipped to the image (h, w)."""
        height, width = self.pixels.shape
        pad_x, pad_y = (int(np.ceil(side * (factor - 1) / 2)) for side in (width, height))
        left, top = max(self.left - pad_x, 0), max(self.top - pad_y, 0)
        right = min(self.left + width + pad_x, img_shape[1])
        bottom = min(self.top + height + pad_y, img_shape[0])
        return RegionMask(self.cut(left, top, right, bottom), left, top)


def decode_region(segmentation: Any, height: int, width: int) -> RegionMask | None:
    """A segmentation of a COCO annotation, in the window that holds it.

    The pixels are those of pycocotools' drawing of the whole image.

    Args:
        segmentation: polygons (list of flat x, y lists), a compressed RLE (counts str or bytes),
            an uncompressed RLE (counts list), a (H, W) array, or nothing (None, []).
        height: H of the image.
        width: W of the image.

    Returns:
        None when no pixel is inside.

    Raises:
        TypeError: no format of these.
        ValueError: an RLE or array of another size than the image, or a damaged one.
    """
    if segmentation is None or len(segmentation) == 0:
        return None
    if isinstance(segmentation, dict):
        check_size(segmentation.get("size", ()), height, width)
        return decode_runs(read_counts(segmentation.get("counts", "")), height, width)
    if isinstance(segmentation, np.ndarray) and segmentation.ndim == 2:
        check_size(segmentation.shape, height, width)
        return crop_to_content((segmentation != 0).view(np.uint8), 0, 0)
    if isinstance(segmentation, list | tuple | np.ndarray):
        return draw_polygons(segmentation, height, width)
    raise TypeError(
        "a segmentation is a list of polygons, an RLE dict with size and counts, or a 2D array; "
        f"got {type(segmentation).__name__}"
    )


def check_size(size: Sequence[int], height: int, width: int) -> None:
    """Raise ValueError unless ``size`` (h, w) is that of the image."""
    if tuple(size) != (height, width):
        raise ValueError(
            f"the segmentation is of an image of (h, w) {tuple(size)}, this one has "
            f"{(height, width)}; check that annotation and image belong together"
        )


def crop_to_content(mask: np.ndarray, left: int, top: int) -> RegionMask | None:
    """A mask (h, w) uint8 at a place of the image, without its empty borders."""
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0 or height == 0:
        return None
    return RegionMask(mask[y : y + height, x : x + width].copy(), left + x, top + y)


def draw_polygons(polygons: Sequence, height: int, width: int) -> RegionMask | None:
    """The union of polygons; those of fewer than three corners enclose nothing.

    Raises:
        ValueError: a coordinate is missing or no number.
    """
    corners = [np.asarray(p, dtype=np.float64).reshape(-1, 2) for p in polygons]
    corners = [points for points in corners if len(points) >= 3]
    if not corners:
        return None
    every = np.concatenate(corners)
    if not np.isfinite(every).all():
        raise ValueError("a polygon has a coordinate that is no finite number")
    left, top = np.floor(every.min(0)).clip(0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(every.max(0)) + 1, (width, height)).astype(int).tolist()
    if right <= left or bottom <= top:
        return None
    # COCO draws in fifths of a pixel: rounded before the shift, they are those of the whole image
    shift = np.array([left, top])
    moved = [(np.trunc(points * 5 + 0.5) - 5 * shift) / 5 for points in corners]
    flat = [
        np.where(shift > 0, new, old).reshape(-1).tolist()
        for new, old in zip(moved, corners, strict=True)
    ]
    rles = coco_mask.frPyObjects(flat, bottom - top, right - left)
    return crop_to_content(np.ascontiguousarray(coco_mask.decode(coco_mask.merge(rles))), left, top)


def read_counts(counts: str | bytes | Sequence[int]) -> np.ndarray:
    """Run lengths, background first, of an RLE: text of COCO's compression, or numbers.

    Five bits a character, the sixth says that more follow; from the fourth number on they are
    differences to the number two before.

    Raises:
        ValueError: characters that no such text has, or a text that is cut off.
    """
    if not isinstance(counts, str | bytes):
        return np.asarray(counts, dtype=np.int64)
    text = counts.encode("latin-1") if isinstance(counts, str) else counts
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    if len(codes) and (codes.min() < 0 or codes.max() > 63 or codes[-1] & 32):
        raise ValueError("the counts of a compressed RLE are damaged or cut off")
    is_last = (codes & 32) == 0
    ends = np.flatnonzero(is_last)
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)].astype(np.int64)
    places = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    numbers = np.add.reduceat((codes & 31) << 5 * places, starts) if len(ends) else codes
    bits = 5 * (ends - starts + 1)
    numbers = numbers - np.where(codes[ends] & 16, 1 << bits, 0)  # two's complement
    numbers[2::2] = numbers[2::2].cumsum()
    numbers[1::2] = numbers[1::2].cumsum()
    return numbers


def decode_runs(counts: np.ndarray, height: int, width: int) -> RegionMask | None:
    """Run lengths down the columns as the window of what they fill.

    Raises:
        ValueError: they do not add up to the image.
    """
    if (counts < 0).any() or counts.sum() != height * width:
        raise ValueError(
            f"the runs of an RLE add up to {counts.sum()} pixels, its image {height} x {width} "
            "has another number"
        )
    ends = counts.cumsum()
    is_filled = (np.arange(len(counts)) % 2 == 1) & (counts > 0)
    if not is_filled.any():
        return None
    first, last = (ends - counts)[is_filled], ends[is_filled] - 1
    left, right = int(first[0] // height), int(last[-1] // height) + 1
    clipped = (ends - left * height).clip(0, (right - left) * height)
    inside = np.repeat(np.arange(len(counts)) % 2, np.diff(clipped, prepend=0)).astype(np.uint8)
    columns = inside.reshape(right - left, height)  # COCO fills columns first
    if (first // height != last // height).any():  # a run that crosses columns reaches both ends
        top, bottom = 0, height
    else:
        top, bottom = int((first % height).min()), int((last % height).max()) + 1
    return RegionMask(np.ascontiguousarray(columns[:, top:bottom].T), left, top)
