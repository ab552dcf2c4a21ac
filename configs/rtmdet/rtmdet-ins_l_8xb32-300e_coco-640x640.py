"""RTMDet-Ins-L on COCO, 80 classes (Lyu et al. 2022); the numbers of mmdet's own config.

The adapter takes the number of classes from the checkpoint, so this file also serves the published
person-only ``rtmdet-ins-l-mask.pth``. On several GPUs add ``--cfg-options sync_bn=torch``.
"""

_base_ = ["../_base_/models/rtmdet-ins.py", "../_base_/runtime.py"]
default_scope = "mmdet"

__knobs__ = {
    "max_epochs": "length of the training; the learning rate falls over its second half",
    "stage2_epochs": "last epochs, without Mosaic, MixUp and people removed",
    "base_lr": "highest learning rate",
    "image_size": "width and height that the network sees, pixels",
}
image_size = (640, 640)
max_epochs = 300
stage2_epochs = 20
base_lr = 0.004

pad = dict(type="Pad", size=image_size, pad_val=dict(img=(114, 114, 114)))
load = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True, poly2mask=False),
]
crop = dict(type="RandomCrop", crop_size=image_size, recompute_bbox=True, allow_negative_crop=True)
train_pipeline = [
    *load,
    dict(type="CachedMosaic", img_scale=image_size, pad_val=114.0),
    dict(type="RandomResize", scale=(1280, 1280), ratio_range=(0.1, 2.0), keep_ratio=True),
    crop,
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    pad,
    dict(
        type="CachedMixUp",
        img_scale=image_size,
        ratio_range=(1.0, 1.0),
        max_cached_images=20,
        pad_val=(114, 114, 114),
    ),
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1)),
    dict(type="PackDetInputs"),
]
train_pipeline_stage2 = [
    *load,
    dict(type="RandomResize", scale=image_size, ratio_range=(0.1, 2.0), keep_ratio=True),
    crop,
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1)),
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    pad,
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=image_size, keep_ratio=True),
    pad,
    dict(type="LoadAnnotations", with_bbox=True),
    dict(
        type="PackDetInputs",
        meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    ),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=10,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type="mmpose.DefaultSampler", shuffle=True),
    batch_sampler=None,
    dataset=dict(
        type="TolerantCocoDataset",
        data_root="datasets/coco",
        ann_file="annotations/instances_train2017.json",
        data_prefix=dict(img="train2017/"),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=5,
    num_workers=10,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="TolerantCocoDataset",
        data_root="datasets/coco",
        ann_file="annotations/instances_val2017.json",
        data_prefix=dict(img="val2017/"),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type="DetectionMetric",
    ann_file="datasets/coco/annotations/instances_val2017.json",
    metric=["bbox", "segm"],
)
test_evaluator = val_evaluator

train_cfg = dict(
    type="ResumableEpochTrainLoop",
    max_epochs=max_epochs,
    val_interval=10,
    dynamic_intervals=[(max_epochs - stage2_epochs, 1)],
)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=base_lr, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
)
warm_up = dict(type="LinearLR", start_factor=1e-5, by_epoch=False, begin=0, end=1000)
cosine = dict(
    type="CosineAnnealingLR",
    eta_min=base_lr * 0.05,
    begin=max_epochs // 2,
    end=max_epochs,
    T_max=max_epochs // 2,
    by_epoch=True,
    convert_to_iter_based=True,
)
param_scheduler = [warm_up, cosine]
default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=3),
    samples=dict(type="mmpose.RegionSamplesHook"),
)
moving_average = dict(
    type="EMAHook",
    ema_type="ExpMomentumEMA",
    momentum=0.0002,
    update_buffers=True,
    priority=49,
)
custom_hooks = [
    moving_average,
    dict(
        type="PipelineSwitchHook",
        switch_epoch=max_epochs - stage2_epochs,
        switch_pipeline=train_pipeline_stage2,
    ),
]
visualizer = dict(type="DetLocalVisualizer")
