"""Losses on maps and on one number a joint."""

from .heatmap_loss import (
    CalibrationLoss,
    CombinedTargetMSELoss,
    KeypointMSELoss,
    OKSHeatmapLoss,
)
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
