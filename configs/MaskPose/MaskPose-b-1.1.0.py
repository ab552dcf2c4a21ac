"""MaskPose-B 1.1.0: crops dimmed outside the mask, 23 joints of COCO, MPII and AIC."""

_base_ = [
    "../_base_/models/vitpose-base.py",
    "../_base_/datasets/coco_mpii_aic_23.py",
    "../_base_/schedules/vitpose_210e.py",
]

model = dict(head=dict(out_channels=23, decoder=_base_.codec))
load_from = "models/vitpose-b.pth"
load_from_allow = ["head.final_layer.*"]
checkpoint = "MaskPose-b-1.1.0.pth"
