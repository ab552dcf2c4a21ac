"""Whole models: crops in, poses out."""

from .topdown import TopdownPoseEstimator

__all__ = ["TopdownPoseEstimator"]
