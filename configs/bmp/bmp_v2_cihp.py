"""BBoxMaskPose v2 on CIHP val."""

_base_ = ["../_base_/models/bmp_v2.py", "../_base_/datasets/loop_cihp.py"]
