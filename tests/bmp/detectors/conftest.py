"""mmdet can be imported in these tests, in any order."""

import bmp.mmdet_modules  # noqa: F401
