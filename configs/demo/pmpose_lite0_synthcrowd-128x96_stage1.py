"""PMPose, first stage: probability maps learnt from the MaskPose weights.

The four branches of one number a joint are left out of training; the second stage,
pmpose_lite0_synthcrowd-128x96.py, trains them on frozen features.
"""

_base_ = "maskpose_lite0_synthcrowd-128x96.py"

codec = dict(type="OKSArgMaxHeatmap", input_size=(96, 128), heatmap_size=(48, 64), sigma=-1)
train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(
        type="MaskBackground",
        alpha=0.25,
        erode_prob=0.5,
        erode_amount=0.5,
        dilate_prob=0.5,
        dilate_amount=0.1,
    ),
    dict(type="RandomFlip"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform", scale_factor=(0.7, 1.3), rotate_factor=30),
    dict(type="RandomEdgesBlackout", prob=0.2, mask_ratio_range=(0.1, 0.3), context_size=1.5),
    dict(type="TopdownAffine", input_size=(96, 128), use_udp=True),
    dict(type="RandomPatchesBlackout", prob=0.1, grid_size=(8, 6), mask_ratio=0.2),
    dict(type="PhotometricDistortion"),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

model = dict(
    head=dict(
        _delete_=True,
        type="MultiHead",
        in_channels=128,
        out_channels=17,
        deconv_out_channels=(64, 64),
        deconv_kernel_sizes=(4, 4),
        final_layer_dict=dict(kernel_size=1),
        keypoint_loss=dict(type="OKSHeatmapLoss", smoothing_weight=0.05, loss_weight=100.0),
        probability_loss=dict(type="BCELoss", use_target_weight=True, use_sigmoid=True),
        visibility_loss=dict(type="BCELoss", use_target_weight=True, use_sigmoid=True),
        oks_loss=dict(type="MSELoss", use_target_weight=True),
        error_loss=dict(type="L1LogLoss", use_target_weight=True),
        normalize=1.0,
        freeze_probability=True,
        freeze_visibility=True,
        freeze_oks=True,
        freeze_error=True,
        decoder=codec,
    )
)
max_iters = 330
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
custom_hooks = [
    dict(type="SyncBuffersHook"),
    dict(  # an average over about the last 50 iterations
        type="EMAHook",
        ema_type="ExponentialMovingAverage",
        momentum=0.02,
        update_buffers=True,
        priority="NORMAL",
    ),
]
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=10),
    dict(type="CosineAnnealingLR", eta_min=1e-6, by_epoch=False, begin=10, end=max_iters),
]
load_from = "bmp/weights/maskpose_lite0_demo.safetensors"
# MaskPose has none of these branches
load_from_allow = [
    "head.probability_layers.*",
    "head.visibility_layers.*",
    "head.oks_layers.*",
    "head.error_layers.*",
]
checkpoint = "work_dirs/pmpose_lite0_synthcrowd-128x96_stage1/iter_330.pth"
