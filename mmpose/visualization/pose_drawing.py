"""Draws skeletons: coloured bones, a marker shape per joint.

Left and right differ by colour, kinds of joints by the shape of their marker, so that a swapped
limb is seen at a glance. Joints below the threshold are drawn faint instead of being hidden.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import cv2
import numpy as np
from torch import Tensor


class Certainty(IntEnum):
    """How a joint is drawn."""

    ABSENT = 0
    FAINT = 1
    SURE = 2


# BGR; left is greenish blue, right reddish yellow.
NEUTRAL = (52, 235, 107)
LEFT_ARM, LEFT_LEG, LEFT_SIDE, LEFT_FACE = (
    (216, 235, 52),
    (235, 107, 52),
    (245, 188, 113),
    (235, 52, 107),
)
RIGHT_ARM, RIGHT_LEG, RIGHT_SIDE, RIGHT_FACE = (
    (52, 235, 216),
    (52, 107, 235),
    (52, 171, 235),
    (107, 52, 235),
)
FAINT_MARKER = (140, 140, 140)
FAINT_WEIGHT = 0.4  # share of the drawing in what is seen of a faint joint or bone

CROSS, TILTED_CROSS = cv2.MARKER_CROSS, cv2.MARKER_TILTED_CROSS
SQUARE, TRIANGLE = cv2.MARKER_SQUARE, cv2.MARKER_TRIANGLE_UP

# Joint by joint in COCO's order: shape and colour.
JOINT_MARKERS = (
    (CROSS, NEUTRAL),
    (SQUARE, LEFT_FACE),
    (SQUARE, RIGHT_FACE),
    (CROSS, LEFT_FACE),
    (CROSS, RIGHT_FACE),
    (TRIANGLE, LEFT_ARM),
    (TRIANGLE, RIGHT_ARM),
    (SQUARE, LEFT_ARM),
    (SQUARE, RIGHT_ARM),
    (CROSS, LEFT_ARM),
    (CROSS, RIGHT_ARM),
    (TRIANGLE, LEFT_LEG),
    (TRIANGLE, RIGHT_LEG),
    (SQUARE, LEFT_LEG),
    (SQUARE, RIGHT_LEG),
    (TILTED_CROSS, LEFT_LEG),
    (TILTED_CROSS, RIGHT_LEG),
)
# In drawing order: both joints and the colour.
BONES = (
    (15, 13, LEFT_LEG),
    (13, 11, LEFT_LEG),
    (16, 14, RIGHT_LEG),
    (14, 12, RIGHT_LEG),
    (11, 12, NEUTRAL),
    (5, 11, LEFT_SIDE),
    (6, 12, RIGHT_SIDE),
    (5, 6, NEUTRAL),
    (5, 7, LEFT_ARM),
    (6, 8, RIGHT_ARM),
    (7, 9, LEFT_ARM),
    (8, 10, RIGHT_ARM),
    (1, 2, NEUTRAL),
    (0, 1, LEFT_FACE),
    (0, 2, RIGHT_FACE),
    (1, 3, LEFT_FACE),
    (2, 4, RIGHT_FACE),
    (3, 5, LEFT_FACE),
    (4, 6, RIGHT_FACE),
)
NUM_KEYPOINTS = len(JOINT_MARKERS)


class Skeleton(NamedTuple):
    """How a joint list is drawn."""

    markers: Sequence[tuple[int, tuple[int, int, int]]]  # shape and colour of each joint
    bones: Sequence[tuple[int, int, tuple[int, int, int]]]  # both joints and the colour


COCO_SKELETON = Skeleton(JOINT_MARKERS, BONES)


def skeleton_of(metainfo: dict | None) -> Skeleton:
    """The skeleton of a data set.

    Args:
        metainfo: of :func:`mmpose.datasets.parse_pose_metainfo`; None: COCO's.

    Returns:
        COCO's for every list of at least as many joints, which all begin with COCO's; else the
        joints and links of the metainfo in its colours.
    """
    if metainfo is None or metainfo["num_keypoints"] >= NUM_KEYPOINTS:
        return COCO_SKELETON
    colors = metainfo["keypoint_colors"][:, ::-1].tolist()  # BGR
    link_colors = metainfo["skeleton_link_colors"][:, ::-1].tolist()
    links = zip(metainfo["skeleton_links"], link_colors, strict=True)
    return Skeleton(
        [(CROSS, tuple(color)) for color in colors],
        [(start, end, tuple(color)) for (start, end), color in links],
    )


SUBPIXEL_BITS = 3
FARTHEST = 1e5  # px; OpenCV's fixed-point coordinates overflow beyond


def draw_poses(
    image: np.ndarray,
    keypoints: np.ndarray | Tensor,
    scores: np.ndarray | Tensor | None = None,
    *,
    colors: Sequence[Sequence[int]] | np.ndarray | None = None,
    score_thr: float = 0.3,
    width: float = 5.0,
    show_bones: bool = True,
    show_markers: bool = True,
    skeleton: Skeleton = COCO_SKELETON,
    radius: float | None = None,
    line_width: float | None = None,
    opacity_by_score: bool = False,
) -> np.ndarray:
    """Draw the skeletons of N people on a copy of the image.

    Args:
        image: (H, W, 3) uint8 BGR.
        keypoints: (N, K, 2) x, y in image pixels, or (N, K, 3) with a score, or, where all are
            whole numbers and one is above 1, with COCO's flag (1 occluded: faint, 2 seen). A
            joint at exactly (0, 0), at a coordinate that is not finite, or with a value that is
            not positive is not drawn.
        scores: (N, K); takes the place of a third column.
        colors: (N, 3) BGR, one colour for all bones of a person; None: by limb.
        score_thr: joints below are drawn faint.
        width: line width in 1/500 of the square root of the person's extent (px²).
        show_bones: whether the lines are drawn.
        show_markers: whether the joints are drawn.
        skeleton: of K joints; by default COCO's 17.
        radius: joints are discs of this radius, pixels, instead of markers that grow with the
            person.
        line_width: of the bones, pixels, in place of ``width``.
        opacity_by_score: joints are as opaque as their scores, in steps of a tenth, and bones as
            their fainter end; else only those below ``score_thr`` are faint.

    Returns:
        (H, W, 3) uint8 BGR, a new array.

    Raises:
        ValueError: shapes do not fit.
    """
    points, certainty, values = _read_joints(
        image, keypoints, scores, score_thr, len(skeleton.markers)
    )
    if colors is not None and len(colors) != len(points):
        raise ValueError(f"got {len(colors)} colors for {len(points)} people; pass one per person")
    sizes = np.sqrt(_extents(points, certainty))  # (N,) px
    opacity = _opacities(certainty, values if opacity_by_score else None)
    canvas = image.copy()
    for level in np.unique(opacity[opacity > 0]):  # the most opaque last
        layer = canvas.copy() if level < 1 else canvas
        for n, size in enumerate(sizes):
            color = None if colors is None else colors[n]
            if show_bones:
                bones = [(i, j, limb if color is None else color) for i, j, limb in skeleton.bones]
                thickness = max(int(size / 500 * width if line_width is None else line_width), 1)
                _draw_bones(layer, bones, points[n], opacity[n], level, thickness)
            if show_markers:
                markers = _markers(skeleton, certainty[n])
                _draw_markers(layer, markers, points[n], opacity[n] == level, size, radius)
        if level < 1:  # one blend for all people
            cv2.addWeighted(layer, level, canvas, 1 - level, 0, dst=canvas)
    return canvas


def _read_joints(
    image: np.ndarray,
    keypoints: np.ndarray | Tensor,
    scores: np.ndarray | Tensor | None,
    score_thr: float,
    num_keypoints: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Checked points (N, K, 2) float, certainty (N, K) of :class:`Certainty`, scores (N, K)."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            f"image must be (H, W, 3) uint8 BGR, got {image.shape} {image.dtype}; "
            "cv2.cvtColor makes colour of grey"
        )
    keypoints = _as_array(keypoints)
    if keypoints.size == 0:
        nothing = np.zeros((0, num_keypoints))
        return np.zeros((0, num_keypoints, 2)), nothing.astype(int), nothing
    if keypoints.ndim != 3 or keypoints.shape[1:] not in ((num_keypoints, 2), (num_keypoints, 3)):
        raise ValueError(
            f"keypoints must be (N, {num_keypoints}, 2) or (N, {num_keypoints}, 3), got "
            f"{keypoints.shape}; of a longer skeleton that begins with COCO's joints pass "
            f"keypoints[:, :{NUM_KEYPOINTS}], for another one its skeleton"
        )
    points = keypoints[..., :2].astype(np.float64)
    if scores is not None:
        values = _as_array(scores)
    elif keypoints.shape[2] == 3:
        values = keypoints[..., 2]
    else:
        values = np.ones(points.shape[:2])
    if values.shape != points.shape[:2]:
        raise ValueError(f"scores must be {points.shape[:2]} like keypoints, got {values.shape}")
    # scores of plain heatmaps may exceed 1 too, but are no whole numbers
    is_flag = scores is None and (values > 1).any() and (values == np.round(values)).all()
    sure = values > 1 if is_flag else values >= score_thr
    certainty = np.where(sure, Certainty.SURE, Certainty.FAINT)
    drawn = np.isfinite(points).all(-1) & (points != 0).any(-1) & (values > 0)
    points = np.clip(np.nan_to_num(points), -FARTHEST, FARTHEST)
    return points, np.where(drawn, certainty, Certainty.ABSENT), values


def _as_array(values: np.ndarray | Tensor) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _extents(points: np.ndarray, certainty: np.ndarray) -> np.ndarray:
    """Areas (N,) px² of the boxes round the drawn joints, at least 1."""
    drawn = (certainty > Certainty.ABSENT)[..., None]
    low = np.where(drawn, points, np.inf).min(1, initial=np.inf)
    high = np.where(drawn, points, -np.inf).max(1, initial=-np.inf)
    return np.maximum(high - low, 1).prod(-1)


def _opacities(certainty: np.ndarray, values: np.ndarray | None) -> np.ndarray:
    """How opaque joints are, (N, K) in [0, 1]: by their scores, where given, in tenths."""
    if values is None:
        return np.choose(certainty, [0.0, FAINT_WEIGHT, 1.0])
    return np.where(certainty == Certainty.ABSENT, 0, np.ceil(values.clip(0, 1) * 10) / 10)


def _draw_bones(
    canvas: np.ndarray,
    bones: Sequence[tuple[int, int, Sequence[int]]],
    points: np.ndarray,
    opacity: np.ndarray,
    level: float,
    thickness: int,
) -> None:
    """Lines of one person whose fainter end is of that opacity."""
    fixed = np.round(points * (1 << SUBPIXEL_BITS)).astype(int)
    for first, second, color in bones:
        if min(opacity[first], opacity[second]) != level:
            continue
        cv2.line(
            canvas,
            tuple(map(int, fixed[first])),
            tuple(map(int, fixed[second])),
            tuple(int(c) for c in color),
            thickness,
            cv2.LINE_AA,
            SUBPIXEL_BITS,
        )


def _markers(skeleton: Skeleton, certainty: np.ndarray) -> list[tuple[int, tuple]]:
    """Shape and colour of the joints of one person, grey where they are below the threshold."""
    return [
        (shape, FAINT_MARKER if sure == Certainty.FAINT else color)
        for (shape, color), sure in zip(skeleton.markers, certainty, strict=True)
    ]


def _draw_markers(
    canvas: np.ndarray,
    markers: Sequence[tuple[int, tuple[int, int, int]]],
    points: np.ndarray,
    wanted: np.ndarray,
    size: float,
    radius: float | None,
) -> None:
    """Joints of one person that are ``wanted``, (K,) bool."""
    marker_size, thickness = max(int(size / 35), 2), max(int(size / 160), 1)
    for joint in np.flatnonzero(wanted):
        center = tuple(round(float(c)) for c in points[joint])
        shape, color = markers[joint]
        if radius is None:
            cv2.drawMarker(canvas, center, color, shape, marker_size, thickness, cv2.LINE_AA)
        else:
            cv2.circle(canvas, center, max(round(radius), 1), color, cv2.FILLED, cv2.LINE_AA)
