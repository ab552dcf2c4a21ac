"""Published import name of the detect, pose, segment loop."""

from bmp.api import BBoxMaskPose

__all__ = ["BBoxMaskPose"]
