"""MaskPose-L 1.1.0: as MaskPose-B, other numbers."""

_base_ = ["./MaskPose-b-1.1.0.py"]

model = dict(
    backbone=dict(arch="large", drop_path_rate=0.5),
    head=dict(in_channels=1024),
)
optim_wrapper = dict(paramwise_cfg=dict(num_layers=24, layer_decay_rate=0.8))
load_from = "models/vitpose-l.pth"
checkpoint = "MaskPose-l-1.1.0.pth"
