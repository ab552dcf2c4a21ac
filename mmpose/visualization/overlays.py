"""What is drawn beside the joints: boxes, numbers of joints, heatmaps."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmpose.structures.heatmap import heatmaps_to_image

HEATMAP_WEIGHT = 0.5  # share of the heatmap in the image
TEXT_SCALE = 0.4  # of OpenCV's font: digits 8 px tall
OUTLINE = (0, 0, 0)
FARTHEST = 1e5  # px; OpenCV's coordinates overflow beyond


def draw_bboxes(
    canvas: np.ndarray, bboxes: np.ndarray | Tensor, color: Sequence[int], thickness: int
) -> None:
    """Draw boxes (N, 4) xyxy, image pixels, on a canvas (H, W, 3) in place."""
    corners = torch.as_tensor(bboxes).float().clamp(-FARTHEST, FARTHEST).round().int().tolist()
    for left, top, right, bottom in corners:
        cv2.rectangle(canvas, (left, top), (right, bottom), color, thickness)


def tint_masks(
    image: np.ndarray, masks: np.ndarray, colors: np.ndarray, weight: float
) -> np.ndarray:
    """Blend masks over an image once for all people, outlines on top.

    Args:
        image: (H, W, 3) uint8 BGR.
        masks: (N, H, W) bool.
        colors: (N, 3) BGR.
        weight: share of the colours in what is seen.

    Returns:
        (H, W, 3) uint8 BGR, a new array.
    """
    layer, outlines = image.copy(), []
    for mask, color in zip(masks, colors, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if len(rows) == 0:
            continue
        # work is limited to the extent of each mask
        y1, y2, x1, x2 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        part = mask[y1:y2, x1:x2]
        layer[y1:y2, x1:x2][part] = color
        found = cv2.findContours(
            part.astype(np.uint8),
            cv2.RETR_EXTERNAL,
            cv2.CHAIN_APPROX_NONE,
            offset=(int(x1), int(y1)),
        )
        outlines.append((found[0], [int(c) for c in color]))
    canvas = cv2.addWeighted(layer, weight, image, 1 - weight, 0)
    for contours, color in outlines:
        cv2.drawContours(canvas, contours, -1, color, 1, cv2.LINE_AA)
    return canvas


def number_joints(
    canvas: np.ndarray,
    keypoints: np.ndarray,
    is_drawn: np.ndarray,
    color: Sequence[int],
    names: Sequence[str] | None = None,
) -> None:
    """Write the number or name of each joint at its upper right, outlined in black, in place.

    Args:
        canvas: (H, W, 3) uint8.
        keypoints: (N, K, 2), image pixels.
        is_drawn: (N, K) bool.
        color: of the text.
        names: (K,) instead of numbers.
    """
    for person, joint in np.argwhere(is_drawn):
        x, y = keypoints[person, joint].clip(-FARTHEST, FARTHEST)
        place = (round(float(x)) + 3, round(float(y)) - 3)
        text = str(joint) if names is None else names[joint]
        for paint, thickness in ((OUTLINE, 3), (color, 1)):
            cv2.putText(
                *(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE),
                *(paint, thickness, cv2.LINE_AA),
            )


def lay_heatmaps_over(image: np.ndarray, heatmaps: Tensor) -> np.ndarray:
    """The highest of the maps at each pixel, in false colours over the image.

    Args:
        image: (H, W, 3) uint8 BGR.
        heatmaps: (K, H, W) in the frame of the image; the highest value is red, 0 blue.

    Returns:
        (H, W, 3) uint8 BGR, a new array.
    """
    highest = heatmaps.float().cpu().amax(0).clamp(min=0)
    shares = highest / highest.max().clamp(min=1e-12)
    colors = cv2.applyColorMap((255 * shares).byte().numpy(), cv2.COLORMAP_JET)
    return cv2.addWeighted(colors, HEATMAP_WEIGHT, image, 1 - HEATMAP_WEIGHT, 0)


def heatmaps_in_image(
    sample: BaseDataElement, field: str, num_keypoints: int, shape: tuple[int, int]
) -> Tensor | None:
    """The maps of a sample, (K, H, W), in the frame of its image.

    Args:
        sample: of one person, or merged from those of an image.
        field: ``gt_fields`` or ``pred_fields``.
        num_keypoints: K; of combined maps, three per joint, the first of each is taken.
        shape: (H, W) of the image.

    Returns:
        The maps; None where the sample has none.

    Raises:
        ValueError: the maps are of a crop and the sample does not say where it lies.
    """
    pixels = getattr(sample, field, None)
    if pixels is None or "heatmaps" not in pixels:
        return None
    maps = torch.as_tensor(pixels.heatmaps).float().cpu()
    if len(maps) == 3 * num_keypoints:
        maps = maps[::3]
    if tuple(maps.shape[1:]) == tuple(shape):
        return maps
    window = [sample.metainfo.get(key) for key in ("input_center", "input_scale")]
    if any(value is None for value in window):
        raise ValueError(
            f"{field}.heatmaps are {tuple(maps.shape[1:])} for an image of {tuple(shape)} and the "
            "sample has no input_center and input_scale, so their place is unknown; draw what "
            "merge_data_samples returns, or set draw_heatmap=False"
        )
    return heatmaps_to_image(
        maps, *(torch.as_tensor(v, dtype=torch.float32).reshape(2) for v in window), shape
    )
