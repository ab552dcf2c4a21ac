"""Random damage to a person's mask, as a detector or segmenter would do it.

Follows the description of MaskPose's training: cells of a Voronoi pattern are cut out of the mask
or added to it, or its outline is shrunk or grown. Kernel sizes are those of the full image,
scaled to the resolution at hand.
"""

import cv2
import numpy as np


def kernel_sizes(area: float) -> tuple[int, int]:
    """Kernel sides in pixels for smoothing and for growing a mask of ``area`` px²."""
    return max(int(area // 1000), 5), max(int(area // 3000), 5)


def change_outline(mask: np.ndarray, *, grows: bool, smooth: int, reach: int) -> np.ndarray:
    """Grow (close, dilate) or shrink (open, erode) a mask.

    Args:
        mask: (H, W) uint8 0/1.
        grows: grow or shrink.
        smooth: side of the kernel of the closing or opening, pixels.
        reach: side of the kernel of the dilation or erosion, pixels.
    """
    first, second = (
        (cv2.MORPH_CLOSE, cv2.MORPH_DILATE) if grows else (cv2.MORPH_OPEN, cv2.MORPH_ERODE)
    )
    mask = cv2.morphologyEx(mask, first, np.ones((smooth, smooth), np.uint8))
    return cv2.morphologyEx(mask, second, np.ones((reach, reach), np.uint8))


def remove_cells(region: np.ndarray, *, num_cells: int, num_removed: int) -> np.ndarray:
    """Cut Voronoi cells out of a region.

    Args:
        region: (H, W) uint8 0/1.
        num_cells: how many seeds are drawn among its pixels; fewer pixels leave it as it is.
        num_removed: how many cells are cleared.
    """
    pixels = np.argwhere(region).astype(np.float32)  # (n, 2) y, x
    if len(pixels) < num_cells or num_removed == 0:
        return region
    seeds = pixels[np.random.choice(len(pixels), num_cells, replace=False)]
    # nearest seed: |p|² is common to all seeds of a pixel and drops out
    distances = (seeds**2).sum(1) - 2 * pixels @ seeds.T  # (n, cells)
    nearest = distances.argmin(1)
    removed = np.random.choice(num_cells, num_removed, replace=False)
    is_removed = np.zeros(num_cells, bool)
    is_removed[removed] = True
    cleared = pixels[is_removed[nearest]].astype(np.intp)
    region = region.copy()
    region[cleared[:, 0], cleared[:, 1]] = 0
    return region


def shrink_by_cells(mask: np.ndarray, amount: float) -> np.ndarray:
    """Cut up to ``amount`` of 10 cells out of the mask."""
    num_removed = int(10 * np.random.uniform(0, amount))
    return remove_cells(mask, num_cells=10, num_removed=num_removed)


def grow_by_cells(mask: np.ndarray, amount: float) -> np.ndarray:
    """Add up to ``amount`` of 50 cells of the background to the mask."""
    num_removed = int(50 * np.random.uniform(0, amount))
    return 1 - remove_cells(1 - mask, num_cells=50, num_removed=num_removed)


def add_mask_noise(
    mask: np.ndarray, *, grow_share: float, erode_amount: float, dilate_amount: float, scale: float
) -> np.ndarray:
    """Damage a mask: smooth it, then grow or shrink it, by cells or along its outline.

    Args:
        mask: (H, W) uint8 0/1.
        grow_share: probability of growing rather than shrinking.
        erode_amount: largest share of the 10 cells that shrinking removes.
        dilate_amount: largest share of the 50 background cells that growing adds.
        scale: pixels of ``mask`` per pixel of the image.

    Returns:
        (H, W) uint8 0/1; a mask that smoothing would erase comes back as it is.
    """
    # as the 5 x 5 kernel of the full image, an even side rounded up
    side = 2 * max(round(5 * scale) // 2, 1) + 1 if scale < 1 else 5
    kernel = np.ones((side, side), np.uint8)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    if not opened.any():  # thinner than the kernel: growing it would add background alone
        return mask
    mask = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel)
    grows = np.random.random() < grow_share
    if np.random.random() < 0.5:
        return grow_by_cells(mask, dilate_amount) if grows else shrink_by_cells(mask, erode_amount)
    smooth, reach = kernel_sizes(mask.sum() / scale**2)
    smooth, reach = (max(round(side * scale), 2) for side in (smooth, reach))
    return change_outline(mask, grows=grows, smooth=smooth, reach=reach)
