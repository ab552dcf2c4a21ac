"""ViTPose-B on COCO, MPII and AI Challenger with one head of 21 merged joints."""

_base_ = [
    "../_base_/models/vitpose-base.py",
    "../_base_/datasets/coco_mpii_aic_plain.py",
    "../_base_/schedules/vitpose_210e.py",
]

model = dict(head=dict(out_channels=21, decoder=_base_.codec))
optim_wrapper = dict(optimizer=dict(lr=5e-5))
checkpoint = "ViTPose-b-multi_mmpose20.pth"
