"""PMPose-S 1.0.0: as PMPose-B, other numbers."""

_base_ = ["./PMPose-b-1.0.0.py"]

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
load_from = "models/MaskPose-s-1.1.0.pth"
checkpoint = "PMPose-s-1.0.0.pth"
