"""The small models that ship on COCO val2017, boxes of a file: one turn, poses."""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_coco_pose.py"]

model = dict(detector=dict(_base_.filed_boxes, _delete_=True), loop=dict(num_iters=1))
