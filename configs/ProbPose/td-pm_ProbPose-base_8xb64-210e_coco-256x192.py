"""ProbPose-B on COCO (arXiv:2412.02254): plain crops, maps of probabilities, 17 joints.

Only size s is published; this holds what all sizes share. Tests are on CropCOCO, whose images
cut people off, and on COCO, each with and without the joints outside the crop (Ex-AP).
"""

_base_ = [
    "../_base_/models/vitpose-base.py",
    "../_base_/datasets/coco_cropcoco.py",
    "../_base_/schedules/vitpose_210e.py",
]

on_probabilities = dict(type="BCELoss", use_target_weight=True, use_sigmoid=True)
model = dict(
    head=dict(
        _delete_=True,
        type="ProbMapHead",
        in_channels=768,
        out_channels=17,
        deconv_out_channels=(256, 256),
        deconv_kernel_sizes=(4, 4),
        keypoint_loss=dict(type="OKSHeatmapLoss", use_target_weight=True, smoothing_weight=0.05),
        probability_loss=on_probabilities,
        visibility_loss=on_probabilities,
        oks_loss=dict(type="MSELoss", use_target_weight=True),
        error_loss=dict(type="L1LogLoss", use_target_weight=True),
        normalize=1.0,
        freeze_error=True,
        decoder=_base_.codec,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=5e-5))
train_cfg = dict(val_interval=10)
checkpoint = None  # no weights are published
