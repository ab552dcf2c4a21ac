"""PMPose-L 1.0.0: as PMPose-B, other numbers."""

_base_ = ["./PMPose-b-1.0.0.py"]

model = dict(
    backbone=dict(arch="large", drop_path_rate=0.5),
    head=dict(in_channels=1024),
)
optim_wrapper = dict(paramwise_cfg=dict(num_layers=24, layer_decay_rate=0.8))
load_from = "models/MaskPose-l-1.1.0.pth"
checkpoint = "PMPose-l-1.0.0.pth"
