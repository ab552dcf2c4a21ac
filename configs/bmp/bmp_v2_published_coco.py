"""Published BBoxMaskPose v2 on COCO val2017."""

_base_ = ["bmp_v2_published.py"]
