"""The small models that ship on CrowdPose test."""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_crowdpose.py"]
