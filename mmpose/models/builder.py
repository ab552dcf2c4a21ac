"""A published import path: models from their configs."""

from torch import nn

from mmpose.registry import MODELS


def build_pose_estimator(cfg: dict) -> nn.Module:
    """The whole model of a config, as ``MODELS.build`` makes it."""
    return MODELS.build(cfg)
