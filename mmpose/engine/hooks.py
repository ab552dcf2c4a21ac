"""A published import path: the hooks of the pose framework. An alias alone."""

from mmpose.engine.late_scalars import LateRuntimeInfoHook
from mmpose.visualization import BadCaseAnalysisHook, PoseVisualizationHook

__all__ = [
    "BadCaseAnalysisHook",
    "LateRuntimeInfoHook",
    "PoseVisualizationHook",
]
