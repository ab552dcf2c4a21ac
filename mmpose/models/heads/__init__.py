"""From feature maps to joints."""

from .heatmap_head import HeatmapHead
from .multi_head import MultiHead

__all__ = ["HeatmapHead", "MultiHead"]
