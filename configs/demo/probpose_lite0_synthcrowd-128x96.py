"""ProbPose on EfficientNet-Lite0: probability maps of plain crops, presence, visibility and
expected OKS, all trained at once, 128 x 96.
"""

_base_ = "vitpose_lite0_synthcrowd-128x96.py"

codec = dict(type="ProbMap", input_size=(96, 128), heatmap_size=(48, 64), sigma=-1)
on_probabilities = dict(type="BCELoss", use_target_weight=True, use_sigmoid=True)
train_pipeline = [
    *_base_.load_steps,
    *_base_.window_steps,
    _base_.crop_step,
    dict(type="PhotometricDistortion"),
    dict(type="GenerateTarget", encoder=codec),
    _base_.pack_step,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

model = dict(
    head=dict(
        _delete_=True,
        type="ProbMapHead",
        in_channels=128,
        out_channels=17,
        deconv_out_channels=(64, 64),
        deconv_kernel_sizes=(4, 4),
        keypoint_loss=dict(type="OKSHeatmapLoss", smoothing_weight=0.05, loss_weight=100.0),
        probability_loss=on_probabilities,
        visibility_loss=on_probabilities,
        oks_loss=dict(type="MSELoss", use_target_weight=True),
        error_loss=dict(type="L1LogLoss", use_target_weight=True),
        normalize=1.0,
        freeze_error=True,
        decoder=codec,
    )
)
checkpoint = "work_dirs/probpose_lite0_synthcrowd-128x96/iter_1100.pth"
