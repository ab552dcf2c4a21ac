"""A published import path: the data sets of `mmpose.datasets`. An alias alone."""

from mmpose.datasets import (
    AicDataset,
    BaseCocoStyleDataset,
    CIHPDataset,
    CocoCropDataset,
    CocoDataset,
    CocoWholeBodyDataset,
    CrowdPoseDataset,
    ExlposeDataset,
    MpiiDataset,
    OCHumanDataset,
    OCHumanDetDataset,
)

__all__ = [
    "AicDataset",
    "BaseCocoStyleDataset",
    "CIHPDataset",
    "CocoCropDataset",
    "CocoDataset",
    "CocoWholeBodyDataset",
    "CrowdPoseDataset",
    "ExlposeDataset",
    "MpiiDataset",
    "OCHumanDataset",
    "OCHumanDetDataset",
]
