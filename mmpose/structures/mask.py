"""Masks in COCO's file formats: read in every spelling, checked before they are drawn.

pycocotools trusts what it is given: RLE text that is cut off, or corners far outside the image,
make it read or allocate without bound. So both are checked here first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

MIN_CORNERS = 3  # fewer enclose nothing, and pycocotools takes 4 numbers for a box
MAX_COORDINATE = 1e5  # px; no image is larger, and drawing costs memory by the corner
_MAX_CHARACTERS = 7  # of a number of an RLE: 35 bits, more than the pixels of any image
_FORMATS = (
    "a list of polygons, each a flat list x, y, x, y, ... or a list of points, or an RLE dict with "
    "size and counts"
)


def normal_segmentation(segmentation: Any) -> list[list[float]] | dict | None:
    """A segmentation in the one spelling that the rest of the code reads.

    Args:
        segmentation: polygons as flat lists, as lists of points, or one polygon as a flat list;
            an RLE with counts as text, bytes or a list of runs; None, [] or [[]].

    Returns:
        Polygons of three corners and more as flat lists, an RLE ``{"size": [H, W], "counts":
        str or list}``, or None where nothing can be drawn.

    Raises:
        ValueError: it is none of these, a polygon has half a corner, a coordinate is not finite
            or far outside every image, or an RLE does not fill its size.
    """
    if segmentation is None:
        return None
    if isinstance(segmentation, dict):
        return _normal_rle(segmentation)
    if not isinstance(segmentation, list | tuple | np.ndarray):
        raise ValueError(f"a segmentation is {_FORMATS}; got {type(segmentation).__name__}")
    try:
        parts = _parts(segmentation)
    except ValueError as error:  # numpy's, of lists of unequal depth or length
        raise ValueError(f"a segmentation is {_FORMATS}; got {segmentation!r:.60}") from error
    polygons = [_flat_polygon(part) for part in parts]
    return [polygon for polygon in polygons if len(polygon) >= 2 * MIN_CORNERS] or None


def _parts(segmentation: Any) -> list:
    """The polygons of a list: itself where it is one flat list, or one list of points."""
    entries = list(segmentation)
    if not entries:
        return []
    if not any(isinstance(entry, list | tuple | np.ndarray) for entry in entries):
        return [entries]
    is_points = all(
        np.ndim(entry) == 1 and len(entry) == 2 for entry in entries if np.ndim(entry) <= 1
    )
    return [entries] if is_points and np.ndim(entries[0]) == 1 else entries


def _flat_polygon(part: Any) -> list[float]:
    try:
        numbers = np.asarray(part, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a segmentation is {_FORMATS}; got {part!r:.60}") from error
    if numbers.ndim > 2:  # several polygons would become one
        raise ValueError(f"a segmentation is {_FORMATS}; got one list too many: {part!r:.60}")
    numbers = numbers.reshape(-1)
    if numbers.size % 2:
        raise ValueError(f"a polygon has {numbers.size} numbers, expected x and y of each corner")
    if not np.isfinite(numbers).all() or (abs(numbers) > MAX_COORDINATE).any():
        worst = numbers[np.argmax(~(abs(numbers) <= MAX_COORDINATE))]
        raise ValueError(f"a polygon has the coordinate {worst}, which is in no image")
    return numbers.tolist()


def _normal_rle(segmentation: dict) -> dict:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if np.shape(size) != (2,) or counts is None:
        raise ValueError(
            f"an RLE has size [h, w] and counts, got {sorted(map(str, segmentation))} and the "
            f"size {size!r:.40}"
        )
    try:
        height, width = (int(side) for side in size)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the size of an RLE is [h, w], got {size!r}") from error
    counts = counts.decode("ascii", "replace") if isinstance(counts, bytes) else counts
    runs = rle_runs(counts)
    if height < 0 or width < 0 or (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(
            f"the runs of an RLE of size {[height, width]} sum up to {runs.sum()} pixels, not "
            f"{height * width}: the text is cut off or damaged"
        )
    return {"size": [height, width], "counts": counts if isinstance(counts, str) else runs.tolist()}


def rle_runs(counts: str | list) -> np.ndarray:
    """Lengths of the runs of an RLE, int64: outside, inside, outside, ...

    COCO's text holds 5 bits a character, from 48 on, least first; the sixth bit says that the
    number goes on, the fifth of its last character is its sign. From the fourth run on a number
    is the difference from the run two before.

    Raises:
        ValueError: it is no such text or list.
    """
    if not isinstance(counts, str):
        runs = np.asarray(counts)
        if runs.ndim != 1 or (runs.size and not np.issubdtype(runs.dtype, np.number)):
            raise ValueError("the counts of an RLE are text or a list of whole numbers")
        if (runs != runs.astype(np.int64)).any():
            raise ValueError("the counts of an RLE are text or a list of whole numbers")
        return runs.astype(np.int64)
    codes = np.frombuffer(counts.encode("utf-8"), np.uint8).astype(np.int64) - 48
    if ((codes < 0) | (codes > 63)).any() or (codes.size and codes[-1] & 32):
        raise ValueError("the text of an RLE is cut off or damaged")
    if not codes.size:
        return codes
    ends = np.flatnonzero((codes & 32) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _MAX_CHARACTERS:
        raise ValueError("the text of an RLE is damaged: it holds a number of over 35 bits")
    places = np.arange(codes.size) - np.repeat(starts, lengths)
    runs = np.add.reduceat((codes & 31) << (5 * places), starts)
    runs -= np.where(codes[ends] & 16, 1 << (5 * lengths), 0)
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    return runs


def are_whole_rles(segmentations: Sequence[Any]) -> bool:
    """Whether all are RLE text that fills its size, as most files have it; seen all at once.

    One call for a thousand masks takes a twentieth of the time of `normal_segmentation` of each,
    which then has nothing to change. False says nothing but "look at each".
    """
    texts, sizes = [], []
    for rle in segmentations:
        if type(rle) is not dict or rle.keys() != {"size", "counts"}:
            return False
        size, text = rle["size"], rle["counts"]
        is_text = type(text) is str and text.isascii() and bool(text)
        if not is_text or type(size) is not list or [type(n) for n in size] != [int, int]:
            return False
        texts.append(text)
        sizes.append(size)
    codes = np.frombuffer("".join(texts).encode("ascii"), np.uint8).astype(np.int64) - 48
    last = np.cumsum([len(text) for text in texts]) - 1  # place of the last character of each
    is_end = (codes & 32) == 0
    if (codes < 0).any() or (codes > 63).any() or not is_end[last].all():
        return False
    ends = np.flatnonzero(is_end)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _MAX_CHARACTERS:
        return False
    places = np.arange(codes.size) - np.repeat(starts, lengths)
    runs = np.add.reduceat((codes & 31) << (5 * places), starts)
    runs -= np.where(codes[ends] & 16, 1 << (5 * lengths), 0)
    firsts = np.concatenate([[0], np.searchsorted(ends, last)[:-1] + 1])  # first run of each mask
    number = np.arange(len(runs)) - np.repeat(firsts, np.diff(np.append(firsts, len(runs))))
    for chosen in (number % 2 == 1, (number % 2 == 0) & (number > 0)):
        changes, begins = runs[chosen], np.flatnonzero(number[chosen] <= 2)
        sums = np.cumsum(changes)
        before = np.repeat(sums[begins] - changes[begins], np.diff(np.append(begins, len(sums))))
        runs[chosen] = sums - before
    pixels = np.array(sizes, np.int64)
    is_full = np.add.reduceat(runs, firsts) == pixels[:, 0] * pixels[:, 1]
    return bool((runs >= 0).all() and is_full.all() and (pixels >= 0).all())


def rle_of(segmentation: list | dict, height: int, width: int) -> dict:
    """A normal segmentation (:func:`normal_segmentation`) as compressed RLE, counts in bytes.

    Polygons are cut to the image; an RLE keeps its own size.
    """
    if isinstance(segmentation, dict):
        if isinstance(segmentation["counts"], str):
            return {**segmentation, "counts": segmentation["counts"].encode("ascii")}
        return coco_mask.frPyObjects(segmentation, *segmentation["size"])
    return coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))


def segmentation_area(segmentation: list | dict | None) -> float:
    """Pixels of a normal segmentation, on a canvas that holds it; 0 for None."""
    if segmentation is None:
        return 0.0
    return float(coco_mask.area(rle_of(segmentation, *_canvas(segmentation))))


def segmentation_bbox(segmentation: list | dict | None) -> list[float] | None:
    """Box xywh round the pixels of a normal segmentation; None where there are none."""
    if segmentation is None:
        return None
    bbox = coco_mask.toBbox(rle_of(segmentation, *_canvas(segmentation))).tolist()
    return bbox if bbox[2] > 0 and bbox[3] > 0 else None


def _canvas(segmentation: list | dict) -> tuple[int, int]:
    """(h, w) that holds the polygons; pixels left of or above 0 are in no image."""
    if isinstance(segmentation, dict):
        return tuple(segmentation["size"])
    corners = np.concatenate([np.reshape(polygon, (-1, 2)) for polygon in segmentation])
    width, height = np.ceil(corners.max(0)).astype(int) + 1
    return max(int(height), 1), max(int(width), 1)


def segmentation_to_mask(segmentation: Any, height: int, width: int) -> np.ndarray | None:
    """A segmentation of a COCO annotation as a mask.

    Args:
        segmentation: any spelling of :func:`normal_segmentation`, or a (H, W) array.
        height: H of the image.
        width: W of the image.

    Returns:
        (H, W) bool; None when there is nothing to draw.

    Raises:
        ValueError: no format of these, or an RLE or array of another size than the image.
    """
    if isinstance(segmentation, np.ndarray) and segmentation.ndim == 2:
        _check_size(segmentation.shape, height, width)
        return segmentation.astype(bool)
    segmentation = normal_segmentation(segmentation)
    if segmentation is None:
        return None
    if isinstance(segmentation, dict):
        _check_size(segmentation["size"], height, width)
    return coco_mask.decode(rle_of(segmentation, height, width)).astype(bool)


def _check_size(size: tuple[int, int], height: int, width: int) -> None:
    if tuple(size) != (height, width):
        raise ValueError(
            f"the segmentation is of an image of (h, w) {tuple(size)}, this one has "
            f"{(height, width)}; check that annotation and image belong together"
        )


def mask_to_rle(mask: np.ndarray) -> dict:
    """A mask (H, W) as a compressed RLE ``{"size": [H, W], "counts": str}``, ready for JSON."""
    rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(n) for n in rle["size"]], "counts": rle["counts"].decode("ascii")}
