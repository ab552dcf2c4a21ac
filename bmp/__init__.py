"""BBox-Mask-Pose: a detector, a pose model and a segmenter that refine each other in a loop."""

import mmpose
from bmp.detectors.mmcv_ops.finder import install_mmcv_ops

__version__ = mmpose.__version__

install_mmcv_ops()
