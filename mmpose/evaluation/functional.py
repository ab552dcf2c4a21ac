"""Functions of the evaluation under their published import names."""

import numpy as np
import torch

from .pck import joint_pck


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


def keypoint_pck_accuracy(
    pred: np.ndarray, gt: np.ndarray, mask: np.ndarray, thr: float, norm_factor: np.ndarray
) -> tuple[np.ndarray, float, int]:
    """Share of joints that are nearer than a share of the person's size.

    Args:
        pred: (N, K, 2), pixels.
        gt: (N, K, 2), pixels.
        mask: which joints are annotated, (N, K) bool.
        thr: share of the size that a joint may be off (it must be less).
        norm_factor: what x and y distances are divided by, (N, 2), pixels; people with a 0 there
            do not count.

    Returns:
        Shares (K,), -1 where a joint never counts; their mean over the joints that do, 0 without
        any; the number of these joints.

    Raises:
        ValueError: shapes do not fit.
    """
    pred, gt, sizes = (np.asarray(values, dtype=np.float64) for values in (pred, gt, norm_factor))
    mask = np.asarray(mask, dtype=bool)
    fits = pred.ndim == 3 and pred.shape == gt.shape == (*mask.shape, 2)
    if not fits or sizes.shape != (len(pred), 2):
        raise ValueError(
            "expected pred and gt (N, K, 2), mask (N, K) and norm_factor (N, 2), got "
            f"{pred.shape}, {gt.shape}, {mask.shape} and {sizes.shape}"
        )
    is_sized = (sizes > 0).all(-1)
    sizes = np.where(is_sized[:, None], sizes, 1)
    hits = np.linalg.norm((pred - gt) / sizes[:, None], axis=-1) < thr
    labelled = torch.from_numpy(mask & is_sized[:, None])
    shares, counts = (values.numpy() for values in joint_pck(torch.from_numpy(hits), labelled))
    counted = shares[counts > 0]
    mean = float(counted.mean()) if len(counted) else 0.0
    return np.where(counts > 0, shares, -1.0), mean, len(counted)
