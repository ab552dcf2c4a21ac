"""MaskPose-B 1.0.0: 21 joints, background at 0.8.

The published config names a skeleton of 22 joints for a head of 21; this is the fitting one.
"""

_base_ = ["./MaskPose-b-1.1.0.py"]

model = dict(head=dict(out_channels=21))
alpha = 0.2
metainfo = dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII.py")
mappings = [_base_.coco_to_17, _base_.mpii_to_21, _base_.aic_to_21]
train_pipeline = [
    *_base_.load_steps,
    dict(type="MaskBackground", alpha=alpha, **_base_.mask_noise),
    *_base_.window_steps,
    _base_.crop_step,
    *_base_.target_steps,
]
val_pipeline = [
    *_base_.load_steps,
    dict(type="MaskBackground", alpha=alpha),
    _base_.crop_step,
    _base_.pack_step,
]
train_dataloader = dict(
    batch_size=64,
    sampler=dict(batch_size=64, source_ratio=[1, 1, 1]),
    dataset=dict(metainfo=metainfo, keypoints_mapping=mappings, pipeline=train_pipeline),
)
# COCO is posed from detections; MPII and AI Challenger are scored over the joints they share
test_datasets = [
    dict(
        _base_.coco_val,
        bbox_file="detections/rtmdet-l-ins-mask.json",
        filter_cfg=dict(bbox_score_thr=0.3),
    ),
    _base_.mpii_val,
    _base_.aic_val,
    _base_.ochuman_val,
]
val_dataloader = dict(
    dataset=dict(
        metainfo=metainfo,
        datasets=test_datasets,
        keypoints_mapping=[*mappings, _base_.coco_to_17],
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader
without_nms = dict(type="CocoMetric", nms_mode="none")
val_evaluator = dict(
    datasets=test_datasets,
    metrics=[
        dict(without_nms, ann_file=_base_.coco_annotations, prefix="COCO"),
        dict(type="PCKAccuracy", prefix="MPII"),
        dict(type="PCKAccuracy", prefix="AIC"),
        dict(without_nms, ann_file=_base_.ochuman_annotations, prefix="OCHuman"),
    ],
)
test_evaluator = val_evaluator
optim_wrapper = dict(optimizer=dict(lr=5e-4))
load_from = "models/ViTPose-b-multi_mmpose20.pth"
load_from_allow = []
checkpoint = "MaskPose-b-1.0.0.pth"
