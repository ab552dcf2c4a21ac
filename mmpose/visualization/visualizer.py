"""The visualizer that published configs name: poses of a data sample on its image."""

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer

from mmpose.registry import VISUALIZERS

from .pose_drawing import draw_poses, skeleton_of


@VISUALIZERS.register_module()
class PoseLocalVisualizer(Visualizer):
    """mmengine's visualizer (scalars, config, TensorBoard) that also draws poses.

    Args:
        name: name of the instance in mmengine's manager.
        image: (H, W, 3) uint8 RGB, mmengine's order here.
        vis_backends: where pictures and scalars go.
        save_dir: folder of the backends.
        width: line width as in :func:`mmpose.visualization.draw_poses`.
    """

    def __init__(
        self,
        name: str = "visualizer",
        image: np.ndarray | None = None,
        vis_backends: list[dict] | dict | None = None,
        save_dir: str | None = None,
        width: float = 5.0,
    ) -> None:
        super().__init__(name=name, image=image, vis_backends=vis_backends, save_dir=save_dir)
        self.width = width

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: object | None = None,
        *,
        draw_gt: bool = True,
        draw_pred: bool = True,
        kpt_thr: float = 0.3,
        step: int = 0,
    ) -> np.ndarray:
        """Draw true poses (left) and predicted ones (right) and hand them to the backends.

        Args:
            name: tag of the picture.
            image: (H, W, 3) uint8 RGB.
            data_sample: with ``gt_instances`` and/or ``pred_instances`` that have keypoints.
            draw_gt: whether the true poses are drawn.
            draw_pred: whether the predicted poses are drawn.
            kpt_thr: joints with lower scores are drawn faint.
            step: training step.

        Returns:
            (H, W or 2 W, 3) uint8 RGB, what was handed over.
        """
        drawn = draw_sample(
            image,
            data_sample,
            self.dataset_meta,
            draw_gt=draw_gt,
            draw_pred=draw_pred,
            kpt_thr=kpt_thr,
            width=self.width,
        )
        self.set_image(drawn)
        self.add_image(name, drawn, step)
        return drawn


def draw_sample(
    image: np.ndarray,
    data_sample: object | None,
    metainfo: dict | None = None,
    *,
    draw_gt: bool = True,
    draw_pred: bool = True,
    kpt_thr: float = 0.3,
    width: float = 5.0,
) -> np.ndarray:
    """Draw true poses (left) and predicted ones (right).

    Args:
        image: (H, W, 3) uint8 RGB.
        data_sample: with ``gt_instances`` and/or ``pred_instances`` that have keypoints.
        metainfo: of the data set, parsed; None: COCO's skeleton.
        draw_gt: whether the true poses are drawn.
        draw_pred: whether the predicted poses are drawn.
        kpt_thr: joints with lower scores are drawn faint.
        width: line width as in :func:`mmpose.visualization.draw_poses`.

    Returns:
        (H, W or 2 W, 3) uint8 RGB; the image itself where nothing is to be drawn.
    """
    skeleton = skeleton_of(metainfo)
    bgr = np.ascontiguousarray(image[..., ::-1])
    views = []
    for wanted, field, score_field in (
        (draw_gt, "gt_instances", "keypoints_visible"),
        (draw_pred, "pred_instances", "keypoint_scores"),
    ):
        people = getattr(data_sample, field, None)
        if wanted and people is not None and "keypoints" in people:
            points, scores = _joints(people, score_field, len(skeleton.markers))
            views.append(
                draw_poses(bgr, points, scores, score_thr=kpt_thr, width=width, skeleton=skeleton)
            )
    return np.ascontiguousarray(np.concatenate(views, axis=1)[..., ::-1]) if views else image


def _joints(
    people: InstanceData, score_field: str, count: int
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The first joints of people, (N, count, 2), and their scores (N, count)."""
    points = torch.as_tensor(people.keypoints)[:, :count]
    scores = people.get(score_field)
    if scores is None:
        return points, None
    scores = torch.as_tensor(scores)[:, :count]
    # data sets may keep (visible, weight) here
    return points, scores[..., 0] if scores.ndim == 3 else scores
