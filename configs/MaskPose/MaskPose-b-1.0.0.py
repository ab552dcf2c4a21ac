"""MaskPose-B 1.0.0: 21 joints, background at 0.8.

The published config names a skeleton of 22 joints for a head of 21; this is the fitting one.
"""

_base_ = ["./MaskPose-b-1.1.0.py"]

model = dict(head=dict(out_channels=21))
metainfo = dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII.py")
mappings = [{{_base_.coco_to_17}}, {{_base_.mpii_to_21}}, {{_base_.aic_to_21}}]
train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(
        type="MaskBackground",
        alpha=0.2,
        erode_prob=0.5,
        erode_amount=0.5,
        dilate_prob=0.5,
        dilate_amount=0.1,
    ),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform"),
    dict(type="TopdownAffine", input_size={{_base_.input_size}}, use_udp=True),
    dict(type="GenerateTarget", encoder={{_base_.codec}}),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="MaskBackground", alpha=0.2),
    dict(type="TopdownAffine", input_size={{_base_.input_size}}, use_udp=True),
    dict(type="PackPoseInputs"),
]
train_dataloader = dict(
    batch_size=64,
    sampler=dict(batch_size=64, source_ratio=[1, 1, 1]),
    dataset=dict(metainfo=metainfo, keypoints_mapping=mappings, pipeline=train_pipeline),
)
# COCO is posed from detections; MPII and AI Challenger are scored over the joints they share
test_datasets = [
    dict(
        type="CocoDataset",
        data_root="datasets/coco",
        ann_file="annotations/person_keypoints_val2017.json",
        bbox_file="detections/rtmdet-l-ins-mask.json",
        filter_cfg=dict(bbox_score_thr=0.3),
        data_prefix=dict(img="val2017/"),
        test_mode=True,
    ),
    dict(
        type="MpiiDataset",
        data_root="datasets/mpii",
        ann_file="annotations/mpii_sam_val.json",
        data_prefix=dict(img="images/"),
        test_mode=True,
    ),
    dict(
        type="AicDataset",
        data_root="datasets/aic",
        ann_file="annotations/aic_sam_val.json",
        data_prefix=dict(img="images/"),
        test_mode=True,
    ),
    dict(
        type="OCHumanDataset",
        data_root="datasets/ochuman",
        ann_file="ochuman_coco_format_val_range_0.00_1.00.json",
        data_prefix=dict(img="images/"),
        test_mode=True,
    ),
]
val_dataloader = dict(
    dataset=dict(
        metainfo=metainfo,
        datasets=test_datasets,
        keypoints_mapping=[*mappings, {{_base_.coco_to_17}}],
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    datasets=test_datasets,
    metrics=[
        dict(
            type="CocoMetric",
            ann_file="datasets/coco/annotations/person_keypoints_val2017.json",
            nms_mode="none",
            prefix="COCO",
        ),
        dict(type="PCKAccuracy", prefix="MPII"),
        dict(type="PCKAccuracy", prefix="AIC"),
        dict(
            type="CocoMetric",
            ann_file="datasets/ochuman/ochuman_coco_format_val_range_0.00_1.00.json",
            nms_mode="none",
            prefix="OCHuman",
        ),
    ],
)
test_evaluator = val_evaluator
optim_wrapper = dict(optimizer=dict(lr=5e-4))
load_from = "models/ViTPose-b-multi_mmpose20.pth"
load_from_allow = []
checkpoint = "MaskPose-b-1.0.0.pth"
