"""RTMDet-Ins-S on COCO, 80 classes: a pretrained trunk and milder scaling than L."""

_base_ = ["./rtmdet-ins_l_8xb32-300e_coco-640x640.py"]

model = dict(
    backbone=dict(
        deepen_factor=0.33,
        widen_factor=0.5,
        init_cfg=dict(
            type="Pretrained",
            prefix="backbone.",
            checkpoint="https://download.openmmlab.com/mmdetection/v3.0/rtmdet/"
            "cspnext_rsb_pretrain/cspnext-s_imagenet_600e.pth",
        ),
    ),
    neck=dict(in_channels=[128, 256, 512], out_channels=128, num_csp_blocks=1),
    bbox_head=dict(in_channels=128, feat_channels=128),
)

train_pipeline = [
    *_base_.load,
    dict(type="CachedMosaic", img_scale=_base_.image_size, pad_val=114.0),
    dict(type="RandomResize", scale=(1280, 1280), ratio_range=(0.5, 2.0), keep_ratio=True),
    _base_.crop,
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    _base_.pad,
    dict(
        type="CachedMixUp",
        img_scale=_base_.image_size,
        ratio_range=(1.0, 1.0),
        max_cached_images=20,
        pad_val=(114, 114, 114),
    ),
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1)),
    dict(type="PackDetInputs"),
]
train_pipeline_stage2 = [
    *_base_.load,
    dict(type="RandomResize", scale=_base_.image_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    _base_.crop,
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1)),
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    _base_.pad,
    dict(type="PackDetInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = [
    _base_.moving_average,
    dict(
        type="PipelineSwitchHook",
        switch_epoch=_base_.max_epochs - _base_.stage2_epochs,
        switch_pipeline=train_pipeline_stage2,
    ),
]
