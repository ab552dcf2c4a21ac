"""The loop as a model of mmengine."""

from bmp.models.bbox_mask_pose import BBoxMaskPoseModel

__all__ = ["BBoxMaskPoseModel"]
