"""Masks as polygons, for pipelines that carry polygons (``poly2mask=False``)."""

import cv2
import numpy as np


def mask_outlines(mask: np.ndarray) -> list[list[float]]:
    """Polygons along the outer edges of the pixels of a mask.

    Drawn by pycocotools they are the mask again, its holes filled: COCO's polygons have none.

    Args:
        mask: (H, W) bool or uint8.

    Returns:
        Flat lists x, y, x, y, ... in image pixels, one for each connected part.
    """
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    part = mask[top : top + height, left : left + width].astype(np.uint8)
    # at twice the size, pixel 2x is the left side of column x and pixel 2x + 1 its right one
    doubled = part.repeat(2, axis=0).repeat(2, axis=1)
    outlines, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [_corners((outline[:, 0] + 1) // 2 + (left, top)) for outline in outlines]


def _corners(points: np.ndarray) -> list[float]:
    """A closed path (P, 2) along pixel edges, without the points where it goes straight on."""
    points = points[(points != np.roll(points, 1, axis=0)).any(1)]
    turns = (points - np.roll(points, 1, axis=0) != np.roll(points, -1, axis=0) - points).any(1)
    return points[turns].astype(np.float64).ravel().tolist()
