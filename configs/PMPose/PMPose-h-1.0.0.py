"""PMPose-H 1.0.0: as PMPose-B, other numbers."""

_base_ = ["./PMPose-b-1.0.0.py"]

model = dict(
    backbone=dict(arch="huge", drop_path_rate=0.55),
    head=dict(in_channels=1280),
)
optim_wrapper = dict(
    optimizer=dict(lr=5e-4), paramwise_cfg=dict(num_layers=32, layer_decay_rate=0.85)
)
train_dataloader = dict(batch_size=64, sampler=dict(batch_size=64))
load_from = "models/MaskPose-h-1.1.0.pth"
checkpoint = "PMPose-h-1.0.0.pth"
