"""Heatmaps of crops in the frame of their image."""

import torch
from torch import Tensor


def heatmaps_to_image(
    heatmaps: Tensor, center: Tensor, scale: Tensor, img_shape: tuple[int, int]
) -> Tensor:
    """Enlarge the maps of a crop, bilinearly, and put them where its window lies; 0 elsewhere.

    As published, edges of the map lie on edges of the window, also for crops cut with UDP.

    Args:
        heatmaps: (K, h, w).
        center: (2,) of the upright window, image pixels.
        scale: (2,) its width and height, of the aspect ratio of the maps.
        img_shape: (H, W).

    Returns:
        (K, H, W) in the dtype of the maps.
    """
    height, width = heatmaps.shape[-2:]
    cells_a_pixel = width / scale[0]
    weights = []
    for length, middle, cells in zip(img_shape, center.flip(0), (height, width), strict=True):
        pixels = torch.arange(length, device=heatmaps.device, dtype=heatmaps.dtype)
        places = (pixels - middle) * cells_a_pixel + cells / 2  # in the map
        distances = places[:, None] - torch.arange(cells, device=heatmaps.device)
        weights.append((1 - distances.abs()).clamp(min=0).to(heatmaps.dtype))  # (length, cells)
    rows, columns = weights
    return rows @ heatmaps @ columns.T
