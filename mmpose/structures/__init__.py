"""What a pose sample, a box, a mask and a set of keypoints are, and their geometry."""

from mmpose.lazy import names_of

__getattr__ = names_of(__name__)
