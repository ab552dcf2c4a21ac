"""COCO, MPII and AI Challenger in one skeleton of 21 joints, plain crops of 256 x 192.

datasets/README.md says how to obtain and lay out the data. Tests pose the annotated boxes of all
three: COCO by AP, MPII and AI Challenger by PCK of the joints that the merged skeleton has.
"""

_base_ = ["./joint_mappings.py"]

input_size = (192, 256)
codec = dict(type="UDPHeatmap", input_size=input_size, heatmap_size=(48, 64), sigma=2)
metainfo = dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII.py")
mappings = [{{_base_.coco_to_17}}, {{_base_.mpii_to_21}}, {{_base_.aic_to_21}}]

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
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
    dict(type="TopdownAffine", input_size=input_size, use_udp=True),
    dict(type="PackPoseInputs"),
]

train_datasets = [
    dict(
        type="CocoDataset",
        data_root="datasets/coco",
        ann_file="annotations/person_keypoints_train2017.json",
        data_prefix=dict(img="train2017/"),
    ),
    dict(
        type="MpiiDataset",
        data_root="datasets/mpii",
        ann_file="annotations/mpii_train.json",
        data_prefix=dict(img="images/"),
    ),
    dict(
        type="AicDataset",
        data_root="datasets/aic",
        ann_file="annotations/aic_train.json",
        data_prefix=dict(img="images/"),
    ),
]
test_datasets = [
    dict(
        type="CocoDataset",
        data_root="datasets/coco",
        ann_file="annotations/person_keypoints_val2017.json",
        data_prefix=dict(img="val2017/"),
        test_mode=True,
    ),
    dict(
        type="MpiiDataset",
        data_root="datasets/mpii",
        ann_file="annotations/mpii_val.json",
        headbox_file="annotations/mpii_gt_val.mat",
        data_prefix=dict(img="images/"),
        test_mode=True,
    ),
    dict(
        type="AicDataset",
        data_root="datasets/aic",
        ann_file="annotations/aic_val.json",
        data_prefix=dict(img="images/"),
        test_mode=True,
    ),
]

train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type="MultiSourceSampler", batch_size=64, source_ratio=[1, 1, 1]),
    dataset=dict(
        type="CombinedDataset",
        metainfo=metainfo,
        datasets=train_datasets,
        keypoints_mapping=mappings,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(
        type="CombinedDataset",
        metainfo=metainfo,
        datasets=test_datasets,
        keypoints_mapping=mappings,
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

coco_metric = dict(
    type="CocoMetric",
    ann_file="datasets/coco/annotations/person_keypoints_val2017.json",
    prefix="COCO",
)
val_evaluator = dict(
    type="MultiDatasetEvaluator",
    datasets=test_datasets,
    metrics=[
        coco_metric,
        dict(type="PCKAccuracy", prefix="MPII"),
        dict(type="PCKAccuracy", prefix="AIC"),
    ],
)
test_evaluator = val_evaluator
