"""Annotation readers, samplers and transforms: the numpy side of training and testing."""

from .coco_style import BaseCocoStyleDataset, CocoDataset
from .combined import CombinedDataset
from .pose_metainfo import parse_pose_metainfo
from .samplers import MultiSourceSampler
from .transforms import *  # noqa: F403
from .transforms import __all__ as _transforms

__all__ = [
    "BaseCocoStyleDataset",
    "CocoDataset",
    "CombinedDataset",
    "MultiSourceSampler",
    "parse_pose_metainfo",
]
__all__ += _transforms
