"""Published BBoxMaskPose v2 on CrowdPose test."""

_base_ = ["../_base_/models/bmp_v2_published.py", "../_base_/datasets/loop_crowdpose.py"]
