"""MaskPose-B 1.0.0: 21 joints, background at 0.8.

The published config names a skeleton of 22 joints for a head of 21; this is the fitting one.
"""

_base_ = ["./MaskPose-b-1.1.0.py"]

model = dict(head=dict(out_channels=21))
metainfo = dict(from_file="configs/_base_/datasets/merged_COCO_AIC_MPII.py")
mapping = [
    {{_base_.coco_mapping}},
    {
        **{0: 16, 1: 14, 2: 12, 3: 11, 4: 13, 5: 15, 10: 10, 11: 8, 12: 6, 13: 5, 14: 7, 15: 9},
        **{6: 20, 7: 17, 8: 18, 9: 19},
    },
    {
        **{0: 6, 1: 8, 2: 10, 3: 5, 4: 7, 5: 9, 6: 12, 7: 14, 8: 16, 9: 11, 10: 13, 11: 15},
        **{12: 19, 13: 17},
    },
]
train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(
        type="MaskBackground",
        alpha=0.2,
        erode_prob=0.5,
        erode_amount=0.5,
        dilate_prob=0.5,
        dilate_amount=0.1,
    ),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform"),
    dict(type="TopdownAffine", input_size={{_base_.input_size}}, use_udp=True),
    dict(type="GenerateTarget", encoder={{_base_.codec}}),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="MaskBackground", alpha=0.2),
    dict(type="TopdownAffine", input_size={{_base_.input_size}}, use_udp=True),
    dict(type="PackPoseInputs"),
]
train_dataloader = dict(
    batch_size=64,
    sampler=dict(batch_size=64, source_ratio=[1, 1, 1]),
    dataset=dict(metainfo=metainfo, keypoints_mapping=mapping, pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(metainfo=metainfo, pipeline=val_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=5e-4))
load_from = "models/ViTPose-b-multi_mmpose20.pth"
load_from_allow = []
checkpoint = "MaskPose-b-1.0.0.pth"
