"""Setting D3 of BBoxMaskPose v1 on CrowdPose test."""

_base_ = ["../_base_/models/bmp_d3.py", "../_base_/datasets/loop_crowdpose.py"]
