"""Published import name of the mask-conditioned pose model with probabilities."""

from bmp.pose import PMPose

__all__ = ["PMPose"]
