"""Published import name of the mask-conditioned pose model with probabilities."""

from bmp.pmpose import PMPose

__all__ = ["PMPose"]
