"""ProbPose-H on COCO: as ProbPose-B, other numbers."""

_base_ = ["./td-pm_ProbPose-base_8xb64-210e_coco-256x192.py"]

model = dict(
    backbone=dict(arch="huge", drop_path_rate=0.55),
    head=dict(in_channels=1280),
)
optim_wrapper = dict(paramwise_cfg=dict(num_layers=32, layer_decay_rate=0.85))
