"""PMPose-B poses CIHP's people, whose joints `CIHPDataset` then trains on.

Before and after it: ``tools/datasets/cihp.py`` (see datasets/README.md).
"""

_base_ = ["./PMPose-b-1.0.0.py"]

root = "datasets/cihp"
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="CIHPDataset",
        data_root=root,
        ann_file="cihp_train.json",
        bbox_file="cihp_train_boxes.json",
        data_prefix=dict(img="instance-level_human_parsing/Training/Images"),
        test_mode=True,
        pipeline=_base_.val_pipeline,
    )
)
test_evaluator = dict(
    _delete_=True,
    type="CocoMetric",
    ann_file=f"{root}/cihp_train.json",
    nms_mode="none",
    format_only=True,
    outfile_prefix=f"{root}/cihp_train",
)
