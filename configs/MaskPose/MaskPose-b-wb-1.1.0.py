"""MaskPose-B with toes, heels, finger tips and mouth corners: 41 joints, COCO-WholeBody."""

_base_ = ["./MaskPose-b-1.1.0.py"]

model = dict(head=dict(out_channels=41))

# The left mouth corner is joint 77; the published config took 72, beside the right corner.
wholebody_mapping = {
    **{i: i for i in range(17)},
    **{17: 23, 18: 24, 19: 25, 20: 26, 21: 27, 22: 28},
    **{95: 29, 99: 30, 103: 31, 107: 32, 111: 33},
    **{116: 34, 120: 35, 124: 36, 128: 37, 132: 38},
    **{71: 39, 77: 40},
}
train_dataloader = dict(
    dataset=dict(
        metainfo=dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII_wLimbs.py"),
        datasets=[
            dict(
                type="CocoWholeBodyDataset",
                data_root="datasets/coco",
                ann_file="annotations/coco_wholebody_train_v1.0.json",
                data_prefix=dict(img="train2017/"),
            ),
            {{_base_.mpii_train}},
            {{_base_.aic_train}},
        ],
        keypoints_mapping=[
            wholebody_mapping,
            {{_base_.mpii_mapping}},
            {{_base_.aic_mapping}},
        ],
    )
)
val_dataloader = dict(
    dataset=dict(metainfo=dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII_wLimbs.py"))
)
test_dataloader = val_dataloader
checkpoint = None  # no weights are published
