"""Keypoints to heatmaps and back, batched on the device the data is on."""

from .msra_heatmap import MSRAHeatmap
from .oks_heatmap import ArgMaxProbMap, OKSArgMaxHeatmap, ProbMap
from .udp_heatmap import UDPHeatmap

__all__ = ["ArgMaxProbMap", "MSRAHeatmap", "OKSArgMaxHeatmap", "ProbMap", "UDPHeatmap"]
