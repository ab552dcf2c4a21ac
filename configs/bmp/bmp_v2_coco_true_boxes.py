"""BBoxMaskPose v2 on the annotated people of COCO val2017: one turn, poses."""

_base_ = ["../_base_/models/bmp_v2.py", "../_base_/datasets/loop_coco_pose.py"]

model = dict(detector=dict(_base_.true_boxes, _delete_=True), loop=dict(num_iters=1))
