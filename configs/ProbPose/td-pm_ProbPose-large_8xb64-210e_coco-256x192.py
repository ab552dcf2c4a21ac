"""ProbPose-L on COCO: as ProbPose-B, other numbers."""

_base_ = ["./td-pm_ProbPose-base_8xb64-210e_coco-256x192.py"]

model = dict(
    backbone=dict(arch="large", drop_path_rate=0.5),
    head=dict(in_channels=1024),
)
optim_wrapper = dict(paramwise_cfg=dict(num_layers=24, layer_decay_rate=0.8))
