"""Setting D3 of BBoxMaskPose v1 on COCO val2017."""

_base_ = ["bmp_d3.py"]
