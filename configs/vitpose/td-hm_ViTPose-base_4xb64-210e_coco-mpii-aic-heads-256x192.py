"""ViTPose-B on COCO, MPII and AI Challenger with one head a data set (arXiv:2204.12484).

Every data set keeps its own joints, 17, 16 and 14, and its samples train only its head. To be
compared with ViTPose-b-multi_mmpose20.py, which merges the joints instead.
"""

_base_ = ["./ViTPose-b-multi_mmpose20.py"]

coco_head = dict(
    type="HeatmapHead",
    in_channels=768,
    out_channels=17,
    deconv_out_channels=(256, 256),
    deconv_kernel_sizes=(4, 4),
    loss=dict(type="KeypointMSELoss", use_target_weight=True),
    decoder=_base_.codec,
)
model = dict(
    head=dict(
        _delete_=True,
        type="PerDatasetHead",
        heads=[coco_head, dict(coco_head, out_channels=16), dict(coco_head, out_channels=14)],
    ),
)
train_dataloader = dict(dataset=dict(metainfo=None, keypoints_mapping=None))
val_dataloader = dict(dataset=dict(metainfo=None, keypoints_mapping=None))
test_dataloader = val_dataloader
val_evaluator = dict(
    metrics=[
        _base_.coco_metric,
        dict(type="MpiiPCKAccuracy", prefix="MPII"),
        dict(
            type="CocoMetric",
            ann_file="datasets/aic/annotations/aic_val.json",
            use_area=False,
            prefix="AIC",
        ),
    ],
)
test_evaluator = val_evaluator
# a batch without samples of a data set leaves its head without gradients
find_unused_parameters = True
checkpoint = None  # no weights are published
