"""ViTPose's recipe on EfficientNet-Lite0: heatmaps of plain crops, 128 x 96.

As the demo MaskPose (maskpose_lite0_synthcrowd-128x96.py) without its masks: head, codec and loss
are ViTPose's, the trunk is small enough for a CPU.
"""

_base_ = "maskpose_lite0_synthcrowd-128x96.py"

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform", scale_factor=(0.7, 1.3), rotate_factor=30),
    dict(type="TopdownAffine", input_size=_base_.input_size, use_udp=True),
    dict(type="PhotometricDistortion"),
    dict(type="GenerateTarget", encoder=_base_.codec),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=_base_.input_size, use_udp=True),
    dict(type="PackPoseInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
checkpoint = "work_dirs/vitpose_lite0_synthcrowd-128x96/iter_1100.pth"
