"""COCO, MPII and AI Challenger in one skeleton of 23 joints; tests on COCO and OCHuman.

OCHuman is posed twice: from its annotated boxes and masks, and from those of a detector.

datasets/README.md says how to obtain and lay out the data. MPII and AI Challenger need masks of
their people (``segmentation`` in the annotations, for example by SAM).
"""

_base_ = ["./joint_mappings.py"]

input_size = (192, 256)
codec = dict(type="UDPHeatmap", input_size=input_size, heatmap_size=(48, 64), sigma=2)
alpha = 0.25
metainfo = dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII_mergable.py")

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(
        type="MaskBackground",
        alpha=alpha,
        erode_prob=0.5,
        erode_amount=0.5,
        dilate_prob=0.5,
        dilate_amount=0.1,
    ),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform"),
    dict(type="TopdownAffine", input_size=input_size, use_udp=True),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="MaskBackground", alpha=alpha),
    dict(type="TopdownAffine", input_size=input_size, use_udp=True),
    dict(type="PackPoseInputs"),
]

coco_train = dict(
    type="CocoDataset",
    data_root="datasets/coco",
    ann_file="annotations/person_keypoints_train2017.json",
    data_prefix=dict(img="train2017/"),
)
mpii_train = dict(
    type="MpiiDataset",
    data_root="datasets/mpii",
    ann_file="annotations/mpii_sam_train.json",
    data_prefix=dict(img="images/"),
)
aic_train = dict(
    type="AicDataset",
    data_root="datasets/aic",
    ann_file="annotations/aic_sam_train.json",
    data_prefix=dict(img="images/"),
)
test_datasets = [
    dict(
        type="CocoDataset",
        data_root="datasets/coco",
        ann_file="annotations/person_keypoints_val2017.json",
        data_prefix=dict(img="val2017/"),
        test_mode=True,
    ),
    dict(
        type="OCHumanDataset",
        data_root="datasets/ochuman",
        ann_file="ochuman_coco_format_val_range_0.00_1.00.json",
        data_prefix=dict(img="images/"),
        test_mode=True,
    ),
    dict(
        type="OCHumanDetDataset",
        data_root="datasets/ochuman",
        ann_file="ochuman_coco_format_val_range_0.00_1.00.json",
        bbox_file="detections/rtmdet-l-ins_val.json",
        filter_cfg=dict(bbox_score_thr=0.3),
        data_prefix=dict(img="images/"),
        test_mode=True,
    ),
]

train_dataloader = dict(
    batch_size=128,
    num_workers=8,
    sampler=dict(type="MultiSourceSampler", batch_size=128, source_ratio=[149813, 22246, 378352]),
    dataset=dict(
        type="CombinedDataset",
        metainfo=metainfo,
        datasets=[coco_train, mpii_train, aic_train],
        keypoints_mapping=[{{_base_.coco_to_17}}, {{_base_.mpii_to_23}}, {{_base_.aic_to_23}}],
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=8,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(
        type="CombinedDataset",
        metainfo=metainfo,
        datasets=test_datasets,
        keypoints_mapping=[{{_base_.coco_to_17}}] * 3,
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type="MultiDatasetEvaluator",
    datasets=test_datasets,
    metrics=[
        dict(
            type="CocoMetric",
            ann_file="datasets/coco/annotations/person_keypoints_val2017.json",
            prefix="COCO",
        ),
        dict(
            type="CocoMetric",
            ann_file="datasets/ochuman/ochuman_coco_format_val_range_0.00_1.00.json",
            prefix="OCHuman",
        ),
        dict(
            type="CocoMetric",
            ann_file="datasets/ochuman/ochuman_coco_format_val_range_0.00_1.00.json",
            prefix="OCHuman_det",
        ),
    ],
)
test_evaluator = val_evaluator
