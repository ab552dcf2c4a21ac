"""BBoxMaskPose v2 on OCHuman test."""

_base_ = ["../_base_/models/bmp_v2.py", "../_base_/datasets/loop_ochuman_test.py"]
