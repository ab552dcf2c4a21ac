"""The short training of `make demo`: 80 steps, seconds to a minute or two on two cores.

Starts from the shipped MaskPose with a last layer of random numbers
(bmp/demo/short_training.py) and learns on 100 rendered crowds.
"""

_base_ = "maskpose_lite0_synthcrowd-128x96.py"

train_set = dict(
    type="CocoDataset",
    metainfo=_base_.metainfo,
    data_root="datasets/synthcrowd/short_train",
    ann_file="annotations.json",
    data_prefix=dict(img="images"),
    pipeline=_base_.train_pipeline,
)
val_set = dict(
    type="CocoDataset",
    metainfo=_base_.metainfo,
    data_root="datasets/synthcrowd/short_val",
    ann_file="annotations.json",
    data_prefix=dict(img="images"),
    pipeline=_base_.val_pipeline,
    test_mode=True,
)
model = dict(backbone=dict(pretrained_file=None))

train_dataloader = dict(
    _delete_=True,
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=train_set,
)
val_dataloader = dict(
    _delete_=True,
    batch_size=32,
    num_workers=1,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=val_set,
)
test_dataloader = val_dataloader
val_evaluator = dict(
    _delete_=True,
    type="CocoMetric",
    ann_file="datasets/synthcrowd/short_val/annotations.json",
)
test_evaluator = val_evaluator

max_iters = 80
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
warm_up_iters = max(1, min(10, max_iters // 5))
param_scheduler = [
    dict(_base_.warm_up, start_factor=0.1, end=warm_up_iters),
    dict(_base_.cosine, eta_min=1e-5, begin=warm_up_iters, end=max_iters),
]
default_hooks = dict(
    checkpoint=dict(interval=max_iters),
    logger=dict(interval=10),
)
custom_hooks = [dict(type="SyncBuffersHook")]  # no moving average: too few steps for one
log_processor = dict(window_size=10)
