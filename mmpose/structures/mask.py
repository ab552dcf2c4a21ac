"""Masks in COCO's file formats."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask


def segmentation_to_mask(segmentation: Any, height: int, width: int) -> np.ndarray | None:
    """A segmentation of a COCO annotation as a mask.

    Args:
        segmentation: polygons (list of flat x, y lists), a compressed RLE (counts str or bytes),
            an uncompressed RLE (counts list), a (H, W) array, or nothing (None, []).
        height: H of the image.
        width: W of the image.

    Returns:
        (H, W) bool; None when there is nothing to draw.

    Raises:
        TypeError: no format of these.
        ValueError: an RLE or array of another size than the image.
    """
    if segmentation is None or len(segmentation) == 0:
        return None
    if isinstance(segmentation, np.ndarray) and segmentation.ndim == 2:
        _check_size(segmentation.shape, height, width)
        return segmentation.astype(bool)
    if isinstance(segmentation, dict):
        _check_size(segmentation["size"], height, width)
        rle = segmentation
        if isinstance(rle["counts"], list):
            rle = coco_mask.frPyObjects(rle, height, width)
        return coco_mask.decode(rle).astype(bool)
    if isinstance(segmentation, list | tuple):
        # fewer than 3 corners enclose nothing, and pycocotools takes 4 numbers for a box
        polygons = [np.asarray(p, dtype=np.float64).reshape(-1).tolist() for p in segmentation]
        polygons = [polygon for polygon in polygons if len(polygon) >= 6]
        if not polygons:
            return None
        rles = coco_mask.frPyObjects(polygons, height, width)
        return coco_mask.decode(coco_mask.merge(rles)).astype(bool)
    raise TypeError(
        "a segmentation is a list of polygons, an RLE dict with size and counts, or a 2D array; "
        f"got {type(segmentation).__name__}"
    )


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
