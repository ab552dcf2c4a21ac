"""ViTPose-B on COCO (arXiv:2204.12484): plain crops, 17 joints."""

_base_ = [
    "../_base_/models/vitpose-base.py",
    "../_base_/datasets/coco_pose.py",
    "../_base_/schedules/vitpose_210e.py",
]

model = dict(head=dict(out_channels=17, decoder=_base_.codec))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_cfg = dict(val_interval=10)
