"""What stands between backbone and head."""

from .feature_map_processor import FeatureMapProcessor
from .fusion_neck import FusionNeck

__all__ = ["FeatureMapProcessor", "FusionNeck"]
