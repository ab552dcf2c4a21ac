"""Segmenters of the loop: SAM 2.1 and SAM-pose2seg, prompted with joints."""

from bmp.segmenters.keypoint_selection import select_keypoints
from bmp.segmenters.prompting import PromptSettings, make_prompts
from bmp.segmenters.prompts import Prompts, masks_as_logits, points_as_prompts
from bmp.segmenters.sam2_segmenter import SAM2Segmenter, build_segmenter

__all__ = [
    "PromptSettings",
    "Prompts",
    "SAM2Segmenter",
    "build_segmenter",
    "make_prompts",
    "masks_as_logits",
    "points_as_prompts",
    "select_keypoints",
]
