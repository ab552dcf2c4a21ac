"""A small person detector, RTMDet-Ins on EfficientNet-Lite0, that has never seen a hole.

Trained on SynthCrowd and real photos, half each. ``rtmdet-ins_lite0_synthcrowd-320x320.py``
teaches it to ignore holes. Needs
``datasets/synthcrowd/{train,val}`` (python tools/datasets/synthcrowd.py), the photos of
``datasets/README.md`` and the start weights of its trunk (tools/model_converters).
"""

_base_ = ["../_base_/models/rtmdet-ins.py", "../_base_/runtime.py"]
default_scope = "mmdet"

__knobs__ = {
    "max_iters": "training steps; the learning rate falls to its end with the last",
    "base_lr": "highest learning rate",
    "batch_size": "images a training step",
}
num_channels = 64
image_size = (320, 320)
crop_size = (256, 256)  # training sees pieces, at the scale of the whole: 1.5 times as fast
batch_size = 8
max_iters = 2600
base_lr = 1e-3

norm_cfg = dict(type="BN", momentum=0.03, eps=0.001)
model = dict(
    use_syncbn=False,  # torch's conversion would drop the activations of timm's norm layers
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,  # as the start weights of the trunk saw their images
        pad_size_divisor=32,
    ),
    backbone=dict(
        _delete_=True,
        type="TimmBackbone",
        model_name="tf_efficientnet_lite0",
        out_indices=(2, 3, 4),
        pretrained_file="models/efficientnet_lite0_imagenet.pth",
        frozen_stages=2,
    ),
    neck=dict(
        in_channels=[40, 112, 320],
        out_channels=num_channels,
        num_csp_blocks=1,
        norm_cfg=norm_cfg,
    ),
    bbox_head=dict(
        num_classes=1,
        in_channels=num_channels,
        feat_channels=num_channels,
        norm_cfg=norm_cfg,
    ),
)

load = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True),
]
# photos have one person mostly: half of them come as four in one
mosaic = dict(
    type="CachedMosaic", img_scale=image_size, pad_val=114.0, max_cached_images=40, prob=0.5
)
crop_and_pack = [
    dict(type="RandomResize", scale=image_size, ratio_range=(0.6, 1.8), keep_ratio=True),
    dict(type="RandomCrop", crop_size=crop_size, recompute_bbox=True, allow_negative_crop=True),
    dict(type="FilterAnnotations", min_gt_bbox_wh=(2, 2), keep_empty=False),
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    dict(type="Pad", size=crop_size, pad_val=dict(img=(114, 114, 114))),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=image_size, keep_ratio=True),
    dict(type="Pad", size=image_size, pad_val=dict(img=(114, 114, 114))),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True),
    dict(
        type="PackDetInputs",
        meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    ),
]

metainfo = dict(classes=("person",), palette=[(220, 20, 60)])
synthetic = dict(
    type="CocoHumanDataset",
    data_root="datasets/synthcrowd/train",
    ann_file="annotations.json",
    data_prefix=dict(img="images/"),
    metainfo=metainfo,
    pipeline=[*load, *crop_and_pack],
)
photos = dict(
    type="CocoHumanDataset",
    data_root="datasets/coco_val2017_people_480",
    ann_file="people_masks.json",
    data_prefix=dict(img="images/"),
    metainfo=metainfo,
    pipeline=[*load, mosaic, *crop_and_pack],
)
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="mmpose.InfiniteSampler", shuffle=True),
    dataset=dict(
        type="ConcatDataset",
        datasets=[synthetic, dict(type="RepeatDataset", times=3, dataset=photos)],
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="CocoHumanDataset",
        data_root="datasets/synthcrowd/val",
        ann_file="annotations.json",
        data_prefix=dict(img="images/"),
        metainfo=metainfo,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type="DetectionMetric",
    ann_file="datasets/synthcrowd/val/annotations.json",
    metric=["bbox", "segm"],
)
test_evaluator = val_evaluator

train_cfg = dict(type="ResumableIterTrainLoop", max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=base_lr, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
    clip_grad=dict(max_norm=35),
)
warm_up_iters = max(1, min(100, max_iters // 5))
warm_up = dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=warm_up_iters)
cosine = dict(
    type="CosineAnnealingLR",
    by_epoch=False,
    begin=warm_up_iters,
    end=max_iters,
    T_max=max_iters - warm_up_iters,
    eta_min=base_lr * 0.03,
)
param_scheduler = [warm_up, cosine]
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(by_epoch=False, interval=500),
    samples=dict(type="mmpose.RegionSamplesHook"),
)
moving_average = dict(
    type="EMAHook",
    ema_type="ExpMomentumEMA",
    momentum=0.0005,
    gamma=500,
    update_buffers=True,
    priority=49,
)
custom_hooks = [moving_average]
log_processor = dict(window_size=20, by_epoch=False)
visualizer = dict(type="DetLocalVisualizer")
randomness = dict(seed=0)
