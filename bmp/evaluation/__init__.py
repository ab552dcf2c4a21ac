"""Evaluation of the whole loop on images with COCO annotations."""

from bmp.evaluation.coco_images import CocoImageDataset
from bmp.evaluation.loop_metric import LoopCocoMetric
from bmp.evaluation.resumable import ResumableTestLoop

__all__ = ["CocoImageDataset", "LoopCocoMetric", "ResumableTestLoop"]
