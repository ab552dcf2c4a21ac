"""ViTPose's recipe on EfficientNet-Lite0: heatmaps of plain crops, 128 x 96.

As the demo MaskPose (maskpose_lite0_synthcrowd-128x96.py) without its masks: head, codec and loss
are ViTPose's, the trunk is small enough for a CPU.
"""

_base_ = "maskpose_lite0_synthcrowd-128x96.py"

train_pipeline = [
    *_base_.load_steps,
    *_base_.window_steps,
    _base_.crop_step,
    dict(type="PhotometricDistortion"),
    dict(type="GenerateTarget", encoder=_base_.codec),
    _base_.pack_step,
]
val_pipeline = [*_base_.load_steps, _base_.crop_step, _base_.pack_step]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
checkpoint = "work_dirs/vitpose_lite0_synthcrowd-128x96/iter_1100.pth"
