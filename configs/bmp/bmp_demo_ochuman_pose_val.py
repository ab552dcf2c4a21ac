"""The small models that ship on OCHuman-Pose val."""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_ochuman_pose_val.py"]
