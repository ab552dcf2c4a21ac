"""COCO 2017 people, true boxes or those of a detector, crops of 256 x 192."""

_base_ = ["./steps_256x192.py", "./people_sets.py"]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(_base_.coco_train, pipeline=_base_.train_pipeline),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(
        _base_.coco_val,
        bbox_file="person_detection_results/COCO_val2017_detections_AP_H_56_person.json",
        pipeline=_base_.val_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="CocoMetric", ann_file=_base_.coco_annotations, prefix="COCO")
test_evaluator = val_evaluator
