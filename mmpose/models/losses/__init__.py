"""Losses on maps and on one number a joint."""

from .heatmap_loss import CalibrationLoss, KeypointMSELoss, OKSHeatmapLoss
from .scalar_loss import BCELoss, L1LogLoss, MSELoss

__all__ = [
    "BCELoss",
    "CalibrationLoss",
    "KeypointMSELoss",
    "L1LogLoss",
    "MSELoss",
    "OKSHeatmapLoss",
]
