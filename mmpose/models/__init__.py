"""The top-down pose network: backbone, neck, head, losses and the estimator around them."""

from .backbones import TimmBackbone, VisionTransformer
from .builder import build_pose_estimator
from .data_preprocessor import PoseDataPreprocessor
from .estimators import TopdownPoseEstimator
from .heads import HeatmapHead, MultiHead, PerDatasetHead
from .losses import (
    BCELoss,
    CalibrationLoss,
    CombinedTargetMSELoss,
    KeypointMSELoss,
    L1LogLoss,
    MSELoss,
    OKSHeatmapLoss,
)
from .necks import FeatureMapProcessor, FusionNeck

__all__ = [
    "BCELoss",
    "CalibrationLoss",
    "CombinedTargetMSELoss",
    "FeatureMapProcessor",
    "FusionNeck",
    "HeatmapHead",
    "KeypointMSELoss",
    "L1LogLoss",
    "MSELoss",
    "MultiHead",
    "OKSHeatmapLoss",
    "PerDatasetHead",
    "PoseDataPreprocessor",
    "TimmBackbone",
    "TopdownPoseEstimator",
    "VisionTransformer",
    "build_pose_estimator",
]
