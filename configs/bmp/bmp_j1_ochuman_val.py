"""Setting J1 of BBoxMaskPose v1 on OCHuman val."""

_base_ = ["../_base_/models/bmp_j1.py", "../_base_/datasets/loop_ochuman_val.py"]
