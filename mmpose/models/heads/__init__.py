"""From feature maps to joints."""

from .heatmap_head import HeatmapHead
from .multi_head import MultiHead
from .per_dataset_head import PerDatasetHead

__all__ = ["HeatmapHead", "MultiHead", "PerDatasetHead"]
