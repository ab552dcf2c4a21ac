"""Drawing on uint8 images."""

from mmpose.visualization.pose_drawing import draw_poses
from mmpose.visualization.visualizer import PoseLocalVisualizer

__all__ = ["PoseLocalVisualizer", "draw_poses"]
