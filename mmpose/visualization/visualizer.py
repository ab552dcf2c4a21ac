"""The visualizer that published configs name: poses of a data sample on its image."""

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer

from mmpose.registry import VISUALIZERS
from mmpose.visualization.pose_drawing import NUM_KEYPOINTS, draw_poses


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
            data_sample: with ``gt_instances`` and/or ``pred_instances`` that have keypoints, of
                which COCO's 17 are drawn.
            draw_gt: whether the true poses are drawn.
            draw_pred: whether the predicted poses are drawn.
            kpt_thr: joints with lower scores are drawn faint.
            step: training step.

        Returns:
            (H, W or 2 W, 3) uint8 RGB, what was handed over.
        """
        views = []
        for wanted, field, score_field in (
            (draw_gt, "gt_instances", "keypoints_visible"),
            (draw_pred, "pred_instances", "keypoint_scores"),
        ):
            people = getattr(data_sample, field, None)
            if wanted and people is not None and "keypoints" in people:
                views.append(self._view(image, people, score_field, kpt_thr))
        drawn = np.concatenate(views, axis=1) if views else image
        self.set_image(drawn)
        self.add_image(name, drawn, step)
        return drawn

    def _view(
        self, image: np.ndarray, people: InstanceData, score_field: str, score_thr: float
    ) -> np.ndarray:
        scores = people.get(score_field)
        scores = None if scores is None else torch.as_tensor(scores)
        if scores is not None and scores.ndim == 3:  # data sets keep (visible, weight) here
            scores = scores[..., 0]
        # skeletons that extend COCO's begin with its joints
        keypoints = torch.as_tensor(people.keypoints)[:, :NUM_KEYPOINTS]
        scores = None if scores is None else scores[:, :NUM_KEYPOINTS]
        bgr = np.ascontiguousarray(image[..., ::-1])
        drawn = draw_poses(bgr, keypoints, scores, score_thr=score_thr, width=self.width)
        return np.ascontiguousarray(drawn[..., ::-1])
