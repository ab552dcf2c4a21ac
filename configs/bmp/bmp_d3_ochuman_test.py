"""Setting D3 of BBoxMaskPose v1 on OCHuman test."""

_base_ = ["../_base_/models/bmp_d3.py", "../_base_/datasets/loop_ochuman_test.py"]
