"""MaskPose-H with 41 joints: as MaskPose-B-wb, other numbers."""

_base_ = ["./MaskPose-b-wb-1.1.0.py"]

model = dict(
    backbone=dict(arch="huge", drop_path_rate=0.55),
    head=dict(in_channels=1280),
)
optim_wrapper = dict(paramwise_cfg=dict(num_layers=32, layer_decay_rate=0.85))
load_from = "models/vitpose-h.pth"
