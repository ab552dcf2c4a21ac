"""Published BBoxMaskPose v2 on OCHuman val."""

_base_ = ["../_base_/models/bmp_v2_published.py", "../_base_/datasets/loop_ochuman_val.py"]
