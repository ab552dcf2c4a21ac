"""RTMDet-Ins-L for people alone that ignores blacked-out people: the loop's fine-tune.

Starts from the 80-class model, whose class layer does not fit and is learned anew. The second
stage of 20 epochs removes nobody. ``RemoveRandomInstances`` is ours: the published one is not.
"""

_base_ = ["./rtmdet-ins_l_8xb32-300e_coco-640x640.py"]

model = dict(bbox_head=dict(num_classes=1))
load_from = "models/rtmdet-ins_l_8xb32-300e_coco_20221124_103237-78d1d652.pth"
load_from_allow = ["bbox_head.rtm_cls.*"]

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

people = dict(classes=("person",), palette=[(220, 20, 60)])
train_dataloader = dict(batch_size=16, dataset=dict(metainfo=people, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(metainfo=people))
test_dataloader = val_dataloader

base_lr = 0.002
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-5, by_epoch=False, begin=0, end=1000),
    dict(
        type="CosineAnnealingLR",
        eta_min=base_lr * 0.05,
        begin=150,
        end=300,
        T_max=150,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
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
