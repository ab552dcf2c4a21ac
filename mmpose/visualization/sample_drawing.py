"""A data sample on its image: true poses on the left, predicted ones on the right."""

import numpy as np
import torch
from mmengine.structures import BaseDataElement, InstanceData

from .overlays import draw_bboxes, heatmaps_in_image, lay_heatmaps_over, number_joints
from .pose_drawing import Skeleton, draw_poses, skeleton_of
from .pose_style import PoseStyle, read_color

BBOX_THICKNESS = 2  # px, where no line width is set
SCORE_FIELDS = {"gt": "keypoints_visible", "pred": "keypoint_scores"}


def draw_sample(
    image: np.ndarray,
    data_sample: BaseDataElement | None,
    metainfo: dict | None = None,
    *,
    draw_gt: bool = True,
    draw_pred: bool = True,
    draw_bbox: bool = False,
    draw_heatmap: bool = False,
    show_kpt_idx: bool = False,
    kpt_thr: float = 0.3,
    style: PoseStyle | None = None,
) -> np.ndarray:
    """Draw true poses (left) and predicted ones (right).

    Args:
        image: (H, W, 3) uint8 RGB.
        data_sample: with ``gt_instances`` and/or ``pred_instances`` that have keypoints.
        metainfo: of the data set, parsed; None: COCO's skeleton.
        draw_gt: whether the true poses are drawn.
        draw_pred: whether the predicted poses are drawn.
        draw_bbox: whether the boxes of the people are drawn.
        draw_heatmap: put the maps, laid over the image, below the poses; a side without maps has
            the plain image there.
        show_kpt_idx: whether joints are numbered.
        kpt_thr: joints with lower scores are drawn faint.
        style: colours and sizes; None: the plain ones.

    Returns:
        (H, W or 2 W, 3) uint8 RGB, 2 H with heatmaps; the image itself where nothing is to be
        drawn.

    Raises:
        ValueError: boxes are asked for and people have none, or heatmaps and no side has any.
    """
    style = style or PoseStyle()
    skeleton = style.applied_to(skeleton_of(metainfo))
    bgr = np.ascontiguousarray(image[..., ::-1])
    views, maps = [], []
    for wanted, kind in ((draw_gt, "gt"), (draw_pred, "pred")):
        people = getattr(data_sample, f"{kind}_instances", None)
        if not wanted or people is None or "keypoints" not in people:
            continue
        view = _draw_people(bgr, people, kind, skeleton, kpt_thr, style, show_kpt_idx)
        if draw_bbox:
            _add_bboxes(view, people, f"{kind}_instances", style)
        views.append(_blend(view, bgr, style.alpha))
        if draw_heatmap:
            size = (people.keypoints.shape[1], bgr.shape[:2])
            maps.append(heatmaps_in_image(data_sample, f"{kind}_fields", *size))
    if not views:
        return image
    if draw_heatmap:
        views = [np.concatenate(pair) for pair in zip(views, _overlaid(bgr, maps), strict=True)]
    return np.ascontiguousarray(np.concatenate(views, axis=1)[..., ::-1])


def _draw_people(
    bgr: np.ndarray,
    people: InstanceData,
    kind: str,
    skeleton: Skeleton,
    kpt_thr: float,
    style: PoseStyle,
    show_kpt_idx: bool,
) -> np.ndarray:
    """A copy of the image with the poses of people."""
    points, scores = _joints(people, SCORE_FIELDS[kind], len(skeleton.markers))
    view = draw_poses(
        *(bgr, points, scores),
        **{"score_thr": kpt_thr, "skeleton": skeleton, "width": style.width},
        **{"radius": style.radius, "line_width": style.line_width},
        opacity_by_score=style.show_keypoint_weight,
    )
    if show_kpt_idx:
        is_drawn = np.isfinite(points).all(-1) & (points != 0).any(-1)
        if scores is not None:
            is_drawn &= scores > 0
        number_joints(view, points, is_drawn, read_color(style.text_color))
    return view


def _joints(
    people: InstanceData, score_field: str, count: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """The first joints of people, (N, count, 2), and their scores (N, count)."""
    points = torch.as_tensor(people.keypoints).cpu().numpy()[:, :count]
    scores = people.get(score_field)
    if scores is None:
        return points, None
    scores = torch.as_tensor(scores).cpu().numpy()[:, :count]
    # data sets may keep (visible, weight) here
    return points, scores[..., 0] if scores.ndim == 3 else scores


def _add_bboxes(view: np.ndarray, people: InstanceData, name: str, style: PoseStyle) -> None:
    if "bboxes" not in people:
        raise ValueError(f"draw_bbox=True needs bboxes (N, 4) in {name}, which has {people.keys()}")
    thickness = BBOX_THICKNESS if style.line_width is None else max(int(style.line_width), 1)
    draw_bboxes(view, people.bboxes, read_color(style.bbox_color), thickness)


def _blend(view: np.ndarray, bgr: np.ndarray, alpha: float) -> np.ndarray:
    weighted = view.astype(np.float32) * alpha + bgr.astype(np.float32) * (1 - alpha)
    return view if alpha == 1 else weighted.round().astype(np.uint8)


def _overlaid(bgr: np.ndarray, maps: list[torch.Tensor | None]) -> list[np.ndarray]:
    """What stands below each view."""
    if all(one is None for one in maps):
        raise ValueError(
            "draw_heatmap=True, but the sample has no heatmaps; set test_cfg.output_heatmaps=True "
            "in the model's config"
        )
    return [bgr if one is None else lay_heatmaps_over(bgr, one) for one in maps]
