"""Drawing on uint8 images."""

from .bad_case_hook import BadCaseAnalysisHook
from .pose_drawing import Skeleton, draw_poses, skeleton_of
from .visualization_hook import PoseVisualizationHook
from .visualizer import PoseLocalVisualizer, draw_sample

__all__ = [
    "BadCaseAnalysisHook",
    "PoseLocalVisualizer",
    "PoseVisualizationHook",
    "Skeleton",
    "draw_poses",
    "draw_sample",
    "skeleton_of",
]
