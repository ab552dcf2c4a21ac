"""Training and evaluation of the pose-prompted segmenter."""

from bmp.sam_training.dataset import PoseSegDataset
from bmp.sam_training.hooks import SeededStepsHook
from bmp.sam_training.metric import PromptedMaskMetric
from bmp.sam_training.packing import PackPeople
from bmp.sam_training.pose_sam import PoseSAM
from bmp.sam_training.transforms import (
    FlipPeople,
    JitterColours,
    LoadPeople,
    SquarePeople,
    WarpPeople,
)

__all__ = [
    "FlipPeople",
    "JitterColours",
    "LoadPeople",
    "PackPeople",
    "PoseSAM",
    "PoseSegDataset",
    "PromptedMaskMetric",
    "SeededStepsHook",
    "SquarePeople",
    "WarpPeople",
]
