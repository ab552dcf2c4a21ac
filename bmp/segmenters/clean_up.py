"""Filling small holes of masks and dropping small specks.

As SAM 2 does on the small masks before they are enlarged, with OpenCV's connected components
instead of a CUDA extension. Masks of a GPU are labelled on the host: at S/4 a person's mask is 64
KiB, and no library that this project depends on labels on a GPU.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

NEIGHBOURS = 8


def clean_up(
    mask_logits: Tensor, *, max_hole_area: float = 0.0, max_sprinkle_area: float = 0.0
) -> Tensor:
    """Logits without small holes and specks; pixels touch at edges and corners.

    Args:
        mask_logits: (N, h, w), above 0 inside.
        max_hole_area: parts of the outside up to so many pixels become inside, 0: none.
        max_sprinkle_area: parts of the inside up to so many pixels become outside, 0: none. Both
            are found in the mask as it comes, so that the rest of a filled person stays.

    Returns:
        (N, h, w), 10 and -10 where it was changed; a copy, or the same if nothing is asked for.
    """
    if len(mask_logits) == 0 or max(max_hole_area, max_sprinkle_area) <= 0:
        return mask_logits
    inside = (mask_logits > 0).cpu().numpy()
    changed = mask_logits
    for parts, limit, value in ((~inside, max_hole_area, 10.0), (inside, max_sprinkle_area, -10.0)):
        if limit > 0:
            small = torch.from_numpy(small_parts(parts, limit)).to(mask_logits.device)
            changed = changed.masked_fill(small, value)
    return changed


def small_parts(masks: np.ndarray, max_area: float) -> np.ndarray:
    """Pixels that belong to a connected part of at most ``max_area`` pixels.

    Args:
        masks: (N, h, w) bool.
        max_area: pixels.

    Returns:
        (N, h, w) bool.
    """
    num_masks, height, width = masks.shape
    # one tall image with an empty row below each mask: a single call labels all
    tall = np.zeros((num_masks, height + 1, width), np.uint8)
    tall[:, :height] = masks
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        tall.reshape(-1, width), connectivity=NEIGHBOURS
    )
    is_small = stats[:, cv2.CC_STAT_AREA] <= max_area
    is_small[0] = False  # what is no part of any mask
    return is_small[labels].reshape(tall.shape)[:, :height]
