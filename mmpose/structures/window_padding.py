"""How much a box must grow until its window holds a joint (ProbPose, arXiv:2412.02254)."""

from .bbox import (
    Array,
    array_namespace,
    bbox_cs2xyxy,
    bbox_xywh2xyxy,
    bbox_xyxy2cs,
    bbox_xyxy2xywh,
    fix_aspect_ratio,
)

BBOX_FORMATS = ("xywh", "xyxy")


def fix_bbox_aspect_ratio(
    bboxes: Array,
    aspect_ratio: float = 3 / 4,
    padding: float = 1.25,
    bbox_format: str = "xywh",
) -> Array:
    """The window of boxes: sides of an aspect ratio, then padded, round the same centre.

    Args:
        bboxes: (..., 4), image pixels; a side of 0 counts as 1.
        aspect_ratio: w / h of the window; the shorter side grows.
        padding: what both sides are multiplied by after that.
        bbox_format: ``xywh`` or ``xyxy``, of boxes and answer.

    Raises:
        ValueError: another format.
    """
    centers, scales = bbox_xyxy2cs(_to_xyxy(bboxes, bbox_format))
    scales = array_namespace(scales).where(scales == 0, 1.0 + 0 * scales, scales)
    windows = bbox_cs2xyxy(centers, fix_aspect_ratio(scales, aspect_ratio) * padding)
    return windows if bbox_format == "xyxy" else bbox_xyxy2xywh(windows)


def find_min_padding_exact(
    bboxes: Array,
    keypoints: Array,
    keypoints_visible: Array,
    aspect_ratio: float | None = 3 / 4,
    bbox_format: str = "xywh",
) -> Array:
    """The padding at which each joint comes to lie on the border of its window.

    Args:
        bboxes: (..., 4), image pixels; a side of 0 counts as 1.
        keypoints: (..., K, 2), image pixels.
        keypoints_visible: (..., K), positive where annotated.
        aspect_ratio: w / h to which the box is widened first; None leaves it as it is.
        bbox_format: ``xywh`` or ``xyxy``.

    Returns:
        (..., K): 1 for a joint inside the box, more for one outside, -1 where not annotated.

    Raises:
        ValueError: shapes do not fit, or another format.
    """
    if keypoints.shape[-1] != 2 or keypoints.shape[:-1] != keypoints_visible.shape:
        raise ValueError(
            "keypoints must be (..., K, 2) and keypoints_visible (..., K), got "
            f"{tuple(keypoints.shape)} and {tuple(keypoints_visible.shape)}"
        )
    xp = array_namespace(keypoints)
    windows = _to_xyxy(bboxes, bbox_format)
    if aspect_ratio is not None:
        windows = fix_bbox_aspect_ratio(windows, aspect_ratio, 1.0, "xyxy")
    first, last = windows[..., None, :2], windows[..., None, 2:]
    zero = 0 * keypoints
    beyond = xp.maximum(xp.maximum(first - keypoints, keypoints - last), zero)  # (..., K, 2)
    sides = last - first
    shares = 2 * beyond / xp.where(sides == 0, 1.0 + 0 * sides, sides)
    padding = 1 + xp.maximum(shares[..., 0], shares[..., 1])
    return xp.where(keypoints_visible > 0, padding, -1.0 + 0 * padding)


def _to_xyxy(bboxes: Array, bbox_format: str) -> Array:
    if bbox_format not in BBOX_FORMATS:
        raise ValueError(f"bbox_format must be one of {BBOX_FORMATS}, got {bbox_format!r}")
    return bboxes if bbox_format == "xyxy" else bbox_xywh2xyxy(bboxes)
