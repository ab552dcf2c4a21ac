"""BBox-Mask-Pose: a detector, a pose model and a segmenter that refine each other in a loop."""

import mmpose

__version__ = mmpose.__version__
