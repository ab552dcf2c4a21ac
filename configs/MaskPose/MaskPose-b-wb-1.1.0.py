"""MaskPose-B with toes, heels, finger tips and mouth corners: 41 joints, COCO-WholeBody."""

_base_ = ["./MaskPose-b-1.1.0.py"]

model = dict(head=dict(out_channels=41))

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
            _base_.mpii_train,
            _base_.aic_train,
        ],
        keypoints_mapping=[
            _base_.wholebody_to_41,
            _base_.mpii_to_23,
            _base_.aic_to_23,
        ],
    )
)
val_dataloader = dict(
    dataset=dict(metainfo=dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII_wLimbs.py"))
)
test_dataloader = val_dataloader
checkpoint = None  # no weights are published
