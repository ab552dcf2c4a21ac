"""Setting J1 of BBoxMaskPose v1 on COCO val2017."""

_base_ = ["bmp_j1.py"]
