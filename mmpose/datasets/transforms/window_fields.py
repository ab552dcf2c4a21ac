"""A sample's window: the box that the crop is cut around, and its centre and padded size.

Our steps move the box, ``bbox_xyxy_wrt_input``; steps written for MMPose move ``bbox_center`` and
``bbox_scale``. Both count: whoever reads the box here gets what any step before has made of it,
and who writes it keeps all three alike.
"""

import numpy as np

from mmpose.structures import bbox_cs2xyxy, bbox_xyxy2cs

PADDING = 1.25  # the published one


def choose_padding(first: float | None, last: float | None) -> float:
    """How much the window exceeds the box.

    Args:
        first: ``padding`` of `GetBBoxCenterScale`; None where it names none.
        last: ``input_padding`` of `TopdownAffine`; None likewise.

    Raises:
        ValueError: both are named and differ.
    """
    named = {padding for padding in (first, last) if padding is not None}
    if len(named) > 1:
        raise ValueError(
            f"GetBBoxCenterScale(padding={first:g}) and TopdownAffine(input_padding={last:g}) both "
            "say how much the window exceeds the box: give one of them, or the same number"
        )
    return named.pop() if named else PADDING


def set_box(results: dict, box: np.ndarray) -> None:
    """Make a box (1, 4) xyxy, image pixels, the sample's, with its centre and padded size."""
    padding = results.get("window_padding") or PADDING
    center, scale = bbox_xyxy2cs(box, padding)
    results |= {"bbox_xyxy_wrt_input": box, "bbox_center": center, "bbox_scale": scale}
    # copies: a step may change the fields in place
    results["known_window"] = box.copy(), center.copy(), scale.copy()


def current_box(results: dict) -> np.ndarray:
    """The sample's box, (1, 4) xyxy, image pixels, after whatever step moved it or its window.

    Raises:
        ValueError: steps moved both, in ways that do not agree.
    """
    box = results["bbox_xyxy_wrt_input"]
    if "known_window" not in results:
        return box
    known_box, known_center, known_scale = results["known_window"]
    center, scale = results["bbox_center"], results["bbox_scale"]
    if np.array_equal(center, known_center) and np.array_equal(scale, known_scale):
        return box
    padding = results.get("window_padding") or PADDING
    moved = bbox_cs2xyxy(np.asarray(center), np.asarray(scale), padding).astype(np.float32)
    if not np.array_equal(box, known_box) and not np.allclose(box, moved, atol=1e-2):
        raise ValueError(
            f"a step moved bbox_xyxy_wrt_input to {box.tolist()} and bbox_center, bbox_scale to "
            f"{moved.tolist()}; let it move one of them, the other follows"
        )
    return moved
