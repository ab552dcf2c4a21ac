"""Suppression of boxes under its published import name."""

import numpy as np


def nms(detections: np.ndarray, threshold: float) -> list[int]:
    """Keep the best of boxes that overlap, by the convention that a box holds its last pixel.

    Args:
        detections: (N, 5): xyxy, pixels, and score.
        threshold: a box whose IoU with a kept, better one is higher is dropped.

    Returns:
        Indices of the kept boxes, best first.

    Raises:
        ValueError: another shape.
    """
    detections = np.asarray(detections)
    if detections.ndim != 2 or detections.shape[1] != 5:
        raise ValueError(f"detections must be (N, 5), boxes and score, got {detections.shape}")
    order = np.argsort(-detections[:, 4], kind="stable")
    boxes = detections[order, :4]
    first = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    last = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = np.maximum(last - first + 1, 0).prod(-1)  # (N, N)
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(-1)
    overlaps = common / (areas[:, None] + areas - common) > threshold
    is_kept = np.ones(len(order), bool)
    for i in range(len(order)):
        if is_kept[i]:
            is_kept[i + 1 :] &= ~overlaps[i, i + 1 :]
    return order[is_kept].tolist()
