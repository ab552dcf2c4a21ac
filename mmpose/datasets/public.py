"""The public names of `mmpose.datasets`, whose first use imports this."""

from .body_datasets import (
    AicDataset,
    CocoCropDataset,
    CocoDataset,
    CrowdPoseDataset,
    ExlposeDataset,
    OCHumanDataset,
    OCHumanDetDataset,
)
from .builder import build_dataset
from .cihp_dataset import CIHPDataset
from .coco_style import BaseCocoStyleDataset
from .combined import CombinedDataset
from .grouped_sampler import GroupedSampler
from .joint_mapping import map_joints
from .mpii_dataset import MpiiDataset
from .pose_metainfo import parse_pose_metainfo
from .samplers import DefaultSampler, InfiniteSampler, MultiSourceSampler
from .transforms import *  # noqa: F403
from .transforms import __all__ as _transforms
from .wholebody_dataset import CocoWholeBodyDataset

__all__ = [
    "AicDataset",
    "BaseCocoStyleDataset",
    "CIHPDataset",
    "CocoCropDataset",
    "CocoDataset",
    "CocoWholeBodyDataset",
    "CombinedDataset",
    "CrowdPoseDataset",
    "DefaultSampler",
    "ExlposeDataset",
    "GroupedSampler",
    "InfiniteSampler",
    "MpiiDataset",
    "MultiSourceSampler",
    "OCHumanDataset",
    "OCHumanDetDataset",
    "build_dataset",
    "map_joints",
    "parse_pose_metainfo",
]
__all__ += _transforms
