"""A published import path: the hooks of `mmpose.visualization`. An alias alone."""

from mmpose.visualization import BadCaseAnalysisHook, PoseVisualizationHook

__all__ = [
    "BadCaseAnalysisHook",
    "PoseVisualizationHook",
]
