"""Training and evaluation of the pose-prompted segmenter."""

from bmp.segmenter_training.copy_paste import CopyPastePeople
from bmp.segmenter_training.dataset import PoseSegDataset
from bmp.segmenter_training.hooks import SeededStepsHook
from bmp.segmenter_training.metric import PromptedMaskMetric
from bmp.segmenter_training.packing import PackPeople
from bmp.segmenter_training.pose_sam import PoseSAM
from bmp.segmenter_training.transforms import (
    FlipPeople,
    JitterColours,
    LoadPeople,
    SquarePeople,
    WarpPeople,
)

__all__ = [
    "CopyPastePeople",
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
