"""ProbPose-S on COCO, the published size: as ProbPose-B, other numbers."""

_base_ = ["./td-pm_ProbPose-base_8xb64-210e_coco-256x192.py"]

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
checkpoint = "ProbPose-s.pth"
