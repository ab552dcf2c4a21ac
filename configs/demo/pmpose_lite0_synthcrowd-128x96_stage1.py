"""PMPose, first stage: probability maps learnt from the MaskPose weights.

The four branches of one number a joint are left out of training; the second stage,
pmpose_lite0_synthcrowd-128x96.py, trains them on frozen features.
"""

_base_ = "maskpose_lite0_synthcrowd-128x96.py"

codec = dict(type="OKSArgMaxHeatmap", input_size=(96, 128), heatmap_size=(48, 64), sigma=-1)
train_pipeline = [
    *_base_.load_steps,
    dict(type="MaskBackground", alpha=_base_.alpha, **_base_.mask_noise),
    *_base_.window_steps,
    dict(type="RandomEdgesBlackout", prob=0.2, mask_ratio_range=(0.1, 0.3), context_size=1.5),
    _base_.crop_step,
    dict(type="RandomPatchesBlackout", prob=0.1, grid_size=(8, 6), mask_ratio=0.2),
    dict(type="PhotometricDistortion"),
    dict(type="GenerateTarget", encoder=codec),
    _base_.pack_step,
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
    dict(_base_.moving_average, momentum=0.02),  # over about the last 50 iterations
]
warm_up_iters = max(1, min(10, max_iters // 5))
warm_up = dict(_base_.warm_up, end=warm_up_iters)
cosine = dict(_base_.cosine, begin=warm_up_iters, end=max_iters)
param_scheduler = [warm_up, cosine]
load_from = "bmp/weights/maskpose_lite0_demo.safetensors"
# MaskPose has none of these branches
load_from_allow = [
    "head.probability_layers.*",
    "head.visibility_layers.*",
    "head.oks_layers.*",
    "head.error_layers.*",
]
checkpoint = "work_dirs/pmpose_lite0_synthcrowd-128x96_stage1/iter_330.pth"
