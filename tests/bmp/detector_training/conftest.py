"""mmdet can be imported in these tests, in any order."""

import bmp.detector_training  # noqa: F401
