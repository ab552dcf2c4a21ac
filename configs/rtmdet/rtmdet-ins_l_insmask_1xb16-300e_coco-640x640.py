"""RTMDet-Ins-L for people alone that ignores blacked-out people: the loop's fine-tune.

Starts from the 80-class model, whose class layer does not fit and is learned anew. The second
stage of 20 epochs removes nobody. ``RemoveRandomInstances`` is ours: the published one is not.
"""

_base_ = ["./rtmdet-ins_l_cocoHuman_1xb16-300e_coco-640x640.py"]

load = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True, poly2mask=False),
]
crop = dict(type="RandomCrop", crop_size=(640, 640), recompute_bbox=True, allow_negative_crop=True)
pad = dict(type="Pad", size=(640, 640), pad_val=dict(img=(114, 114, 114)))
train_pipeline = [
    *load,
    dict(type="RemoveRandomInstances", prob=0.5),
    dict(type="RandomResize", scale=(1280, 1280), ratio_range=(0.1, 2.0), keep_ratio=True),
    crop,
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    pad,
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1)),
    dict(type="PackDetInputs"),
]
train_pipeline_stage2 = [
    *load,
    dict(type="RandomResize", scale=(640, 640), ratio_range=(0.1, 2.0), keep_ratio=True),
    crop,
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1)),
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    pad,
    dict(type="PackDetInputs"),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = [
    dict(
        type="EMAHook",
        ema_type="ExpMomentumEMA",
        momentum=0.0002,
        update_buffers=True,
        priority=49,
    ),
    dict(type="PipelineSwitchHook", switch_epoch=280, switch_pipeline=train_pipeline_stage2),
]
