"""Drawing on uint8 images."""

from .bad_case_hook import BadCaseAnalysisHook
from .pose_drawing import Skeleton, draw_poses, skeleton_of
from .pose_style import PoseStyle
from .region_samples_hook import RegionSamplesHook
from .sample_drawing import draw_sample
from .samples_hook import PoseSamplesHook
from .visualization_hook import PoseVisualizationHook
from .visualizer import PoseLocalVisualizer

__all__ = [
    "BadCaseAnalysisHook",
    "PoseLocalVisualizer",
    "PoseSamplesHook",
    "PoseStyle",
    "PoseVisualizationHook",
    "RegionSamplesHook",
    "Skeleton",
    "draw_poses",
    "draw_sample",
    "skeleton_of",
]
