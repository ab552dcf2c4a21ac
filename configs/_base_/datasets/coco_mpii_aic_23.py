"""COCO, MPII and AI Challenger in one skeleton of 23 joints; tests on COCO and OCHuman.

OCHuman is posed twice: from its annotated boxes and masks, and from those of a detector.
"""

_base_ = ["./joint_mappings.py", "./steps_256x192.py", "./people_sets.py"]

__knobs__ = {"alpha": "how dark the background outside the mask is: 0 keeps it, 1 paints it black"}
alpha = 0.25
metainfo = dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII_mergable.py")

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
test_datasets = [_base_.coco_val, _base_.ochuman_val, _base_.ochuman_det_val]

train_dataloader = dict(
    batch_size=128,
    num_workers=8,
    sampler=dict(type="MultiSourceSampler", batch_size=128, source_ratio=[149813, 22246, 378352]),
    dataset=dict(
        type="CombinedDataset",
        metainfo=metainfo,
        datasets=[_base_.coco_train, _base_.mpii_train, _base_.aic_train],
        keypoints_mapping=[_base_.coco_to_17, _base_.mpii_to_23, _base_.aic_to_23],
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
        keypoints_mapping=[_base_.coco_to_17] * 3,
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type="MultiDatasetEvaluator",
    datasets=test_datasets,
    metrics=[
        dict(type="CocoMetric", ann_file=_base_.coco_annotations, prefix="COCO"),
        dict(type="CocoMetric", ann_file=_base_.ochuman_annotations, prefix="OCHuman"),
        dict(type="CocoMetric", ann_file=_base_.ochuman_annotations, prefix="OCHuman_det"),
    ],
)
test_evaluator = val_evaluator
