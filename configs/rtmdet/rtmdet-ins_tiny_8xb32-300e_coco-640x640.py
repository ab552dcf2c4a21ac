"""RTMDet-Ins-Tiny on COCO, 80 classes: as S, with smaller caches and less MixUp."""

_base_ = ["./rtmdet-ins_s_8xb32-300e_coco-640x640.py"]

model = dict(
    backbone=dict(
        deepen_factor=0.167,
        widen_factor=0.375,
        init_cfg=dict(
            type="Pretrained",
            prefix="backbone.",
            checkpoint="https://download.openmmlab.com/mmdetection/v3.0/rtmdet/"
            "cspnext_rsb_pretrain/cspnext-tiny_imagenet_600e.pth",
        ),
    ),
    neck=dict(in_channels=[96, 192, 384], out_channels=96, num_csp_blocks=1),
    bbox_head=dict(in_channels=96, feat_channels=96),
)

crop = dict(type="RandomCrop", crop_size=_base_.image_size)
train_pipeline = [
    *_base_.load,
    dict(
        type="CachedMosaic",
        img_scale=_base_.image_size,
        pad_val=114.0,
        max_cached_images=20,
        random_pop=False,
    ),
    dict(type="RandomResize", scale=(1280, 1280), ratio_range=(0.5, 2.0), keep_ratio=True),
    crop,
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    _base_.pad,
    dict(
        type="CachedMixUp",
        img_scale=_base_.image_size,
        ratio_range=(1.0, 1.0),
        max_cached_images=10,
        random_pop=False,
        prob=0.5,
        pad_val=(114, 114, 114),
    ),
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1)),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
