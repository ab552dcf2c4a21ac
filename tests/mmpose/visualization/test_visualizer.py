"""The visualizer of the configs."""

import numpy as np
import torch
from mmengine.structures import BaseDataElement, InstanceData

from mmpose.registry import VISUALIZERS
from mmpose.visualization import PoseLocalVisualizer


def test_true_and_predicted_poses_stand_side_by_side(tmp_path):
    visualizer = VISUALIZERS.build(
        {
            "type": "PoseLocalVisualizer",
            "name": "side_by_side",
            "vis_backends": [{"type": "LocalVisBackend"}],
            "save_dir": str(tmp_path),
        }
    )
    assert isinstance(visualizer, PoseLocalVisualizer)
    keypoints = 20 + 50 * torch.rand(1, 17, 2, generator=torch.Generator().manual_seed(0))
    sample = BaseDataElement()
    sample.gt_instances = InstanceData(
        keypoints=keypoints.numpy(), keypoints_visible=np.ones((1, 17), np.float32)
    )
    sample.pred_instances = InstanceData(keypoints=keypoints, keypoint_scores=torch.ones(1, 17))
    image = np.zeros((100, 120, 3), np.uint8)
    drawn = visualizer.add_datasample("pose", image, sample, step=3)
    assert drawn.shape == (100, 240, 3)
    assert np.array_equal(drawn[:, :120], drawn[:, 120:])
    assert drawn.any()
    assert len(list(tmp_path.rglob("pose_3.png"))) == 1


def test_a_sample_without_people_gives_the_image():
    image = np.full((10, 12, 3), 7, np.uint8)
    drawn = PoseLocalVisualizer(name="empty").add_datasample("pose", image, None)
    assert np.array_equal(drawn, image)


def test_of_a_longer_skeleton_the_joints_of_coco_are_drawn():
    keypoints = 20 + 50 * torch.rand(1, 23, 2, generator=torch.Generator().manual_seed(0))
    views = []
    for num_keypoints in (17, 23):
        sample = BaseDataElement()
        sample.pred_instances = InstanceData(
            keypoints=keypoints[:, :num_keypoints], keypoint_scores=torch.ones(1, num_keypoints)
        )
        visualizer = PoseLocalVisualizer(name=f"joints_{num_keypoints}")
        views.append(visualizer.add_datasample("pose", np.zeros((90, 90, 3), np.uint8), sample))
    assert views[0].any()
    assert np.array_equal(*views)
