"""The small models that ship on OCHuman-Pose val, turn 1 from a file of boxes."""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_ochuman_pose_val.py"]

model = dict(detector=dict(_base_.filed_boxes, _delete_=True, later=_base_.model.detector))
