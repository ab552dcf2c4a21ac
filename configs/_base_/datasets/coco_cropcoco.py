"""COCO 2017 people for ProbPose, crops of 256 x 192; tests on CropCOCO and COCO.

datasets/README.md says how to obtain and lay out the data. Both tests pose the annotated boxes
and measure AP and Ex-AP; a joint counts for the score of its person by its presence.
"""

_base_ = ["./coco_pose.py"]

codec = dict(type="ProbMap", input_size=(192, 256), heatmap_size=(48, 64), sigma=-1)
train_pipeline = [
    *_base_.load_steps,
    *_base_.window_steps,
    dict(_base_.crop_step, input_padding=1.25),
    dict(type="GenerateTarget", encoder=codec),
    _base_.pack_step,
]
test_datasets = [
    dict(
        type="CocoCropDataset",
        data_root="datasets/cropcoco",
        ann_file="annotations/person_keypoints_val2017.json",
        data_prefix=dict(img="val2017/"),
        test_mode=True,
    ),
    dict(
        type="CocoDataset",
        data_root="datasets/coco",
        ann_file="annotations/person_keypoints_val2017.json",
        data_prefix=dict(img="val2017/"),
        test_mode=True,
    ),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="CombinedDataset",
        metainfo=dict(from_file="configs/_base_/datasets/coco.py"),
        datasets=test_datasets,
        pipeline=_base_.val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

both_ways = dict(
    type="CocoMetric",
    extended=[False, True],
    match_by_bbox=[False, False],
    ignore_border_points=[False, False],
    padding=1.25,
    score_thresh_type="prob",
    keypoint_score_thr=0.45,
)
val_evaluator = dict(
    _delete_=True,
    type="MultiDatasetEvaluator",
    datasets=test_datasets,
    metrics=[
        dict(
            both_ways,
            ann_file="datasets/cropcoco/annotations/person_keypoints_val2017.json",
            prefix="CropCOCO",
        ),
        dict(
            both_ways,
            ann_file="datasets/coco/annotations/person_keypoints_val2017.json",
            prefix="COCO",
        ),
    ],
)
test_evaluator = val_evaluator
