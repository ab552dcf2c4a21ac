"""Losses on maps and on one number per joint."""

from .heatmap_loss import CombinedTargetMSELoss, KeypointMSELoss
from .probmap_loss import CalibrationLoss, OKSHeatmapLoss
from .scalar_loss import BCELoss, L1LogLoss, MSELoss

__all__ = [
    "BCELoss",
    "CalibrationLoss",
    "CombinedTargetMSELoss",
    "KeypointMSELoss",
    "L1LogLoss",
    "MSELoss",
    "OKSHeatmapLoss",
]
