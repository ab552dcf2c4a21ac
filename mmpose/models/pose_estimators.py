"""A published import path: the models of `mmpose.models.estimators`. An alias alone."""

from mmpose.models.estimators import TopdownPoseEstimator

__all__ = [
    "TopdownPoseEstimator",
]
