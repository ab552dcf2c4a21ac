"""COCO, MPII and AI Challenger in one skeleton of 21 joints, plain crops of 256 x 192.

Tests pose the annotated boxes of all three: COCO by AP, MPII and AI Challenger by PCK of the
joints that the merged skeleton has. No masks are needed.
"""

_base_ = ["./joint_mappings.py", "./steps_256x192.py", "./people_sets.py"]

metainfo = dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII.py")
mappings = [_base_.coco_to_17, _base_.mpii_to_21, _base_.aic_to_21]

train_datasets = [
    _base_.coco_train,
    dict(_base_.mpii_train, ann_file="annotations/mpii_train.json"),
    dict(_base_.aic_train, ann_file="annotations/aic_train.json"),
]
test_datasets = [
    _base_.coco_val,
    dict(
        _base_.mpii_val,
        ann_file="annotations/mpii_val.json",
        headbox_file="annotations/mpii_gt_val.mat",
    ),
    dict(_base_.aic_val, ann_file="annotations/aic_val.json"),
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
        pipeline=_base_.train_pipeline,
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
        pipeline=_base_.val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

coco_metric = dict(type="CocoMetric", ann_file=_base_.coco_annotations, prefix="COCO")
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
