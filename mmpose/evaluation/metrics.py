"""A published import path: the metrics of `mmpose.evaluation`. An alias alone."""

from mmpose.evaluation import CocoMetric, MpiiPCKAccuracy, PCKAccuracy

__all__ = [
    "CocoMetric",
    "MpiiPCKAccuracy",
    "PCKAccuracy",
]
