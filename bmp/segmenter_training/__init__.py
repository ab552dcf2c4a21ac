"""Training and evaluation of the pose-prompted segmenter."""

from bmp.segmenter_training.copy_paste import CopyPastePeople
from bmp.segmenter_training.dataset import PoseSegDataset
from bmp.segmenter_training.metric import PromptedMaskMetric
from bmp.segmenter_training.packing import PackPeople
from bmp.segmenter_training.pose_sam import PoseSAM
from bmp.segmenter_training.samples import regard_prompted
from bmp.segmenter_training.transforms import (
    FlipPeople,
    JitterColours,
    LoadPeople,
    SquarePeople,
    WarpPeople,
)
from mmpose.engine.seeded_steps import SeededStepsHook

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
    "regard_prompted",
]
