"""MaskPose-S with 41 joints: as MaskPose-B-wb, other numbers."""

_base_ = ["./MaskPose-b-wb-1.1.0.py"]

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=384,
            num_layers=12,
            num_heads=12,
            feedforward_channels=1536,
        ),
        drop_path_rate=0.1,
    ),
    head=dict(in_channels=384),
)
optim_wrapper = dict(paramwise_cfg=dict(num_layers=12, layer_decay_rate=0.8))
load_from = "models/vitpose-s.pth"
