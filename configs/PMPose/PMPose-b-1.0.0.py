"""PMPose-B 1.0.0: MaskPose's backbone, frozen, with a head that also predicts presence,
visibility and the similarity to expect."""

_base_ = ["../MaskPose/MaskPose-b-1.1.0.py"]

codec = dict(type="OKSArgMaxHeatmap", input_size=(192, 256), heatmap_size=(48, 64), sigma=-1)
on_probabilities = dict(type="BCELoss", use_target_weight=True, use_sigmoid=True)

model = dict(
    freeze_backbone=True,
    head=dict(
        _delete_=True,
        type="MultiHead",
        in_channels=768,
        out_channels=23,
        deconv_out_channels=(256, 256),
        deconv_kernel_sizes=(4, 4),
        keypoint_loss=dict(type="OKSHeatmapLoss", use_target_weight=True, smoothing_weight=0.05),
        probability_loss=on_probabilities,
        visibility_loss=on_probabilities,
        oks_loss=dict(type="MSELoss", use_target_weight=True),
        error_loss=dict(type="L1LogLoss", use_target_weight=True),
        normalize=1.0,
        freeze_error=True,
        decoder=codec,
    ),
    test_cfg=dict(output_heatmaps=False),
)

train_pipeline = [
    *_base_.load_steps,
    dict(type="MaskBackground", alpha=_base_.alpha, **_base_.mask_noise),
    *_base_.window_steps,
    dict(type="RandomEdgesBlackout", mask_ratio_range=(0.1, 0.3), prob=0.2, context_size=1.5),
    dict(_base_.crop_step, input_padding=1.25),
    dict(type="RandomPatchesBlackout", grid_size=(8, 6), mask_ratio=0.2, prob=0.1),
    dict(type="GenerateTarget", encoder=codec),
    _base_.pack_step,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
train_cfg = dict(val_interval=1)
load_from = "models/MaskPose-b-1.1.0.pth"
load_from_allow = ["head.*"]
checkpoint = "PMPose-b-1.0.0.pth"
