"""Feature extractors."""

from .timm_backbone import TimmBackbone
from .vision_transformer import VisionTransformer

__all__ = ["TimmBackbone", "VisionTransformer"]
