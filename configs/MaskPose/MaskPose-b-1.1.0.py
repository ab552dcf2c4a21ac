"""MaskPose-B 1.1.0: crops dimmed outside the mask, 23 joints of COCO, MPII and AIC."""

_base_ = [
    "../_base_/datasets/coco_mpii_aic_23.py",
    "../_base_/schedules/vitpose_210e.py",
]

model = dict(
    type="TopdownPoseEstimator",
    data_preprocessor=dict(
        type="PoseDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type="mmpretrain.VisionTransformer",
        arch="base",
        img_size=(256, 192),
        patch_size=16,
        qkv_bias=True,
        drop_path_rate=0.3,
        with_cls_token=False,
        out_type="featmap",
        patch_cfg=dict(padding=2),
    ),
    head=dict(
        type="HeatmapHead",
        in_channels=768,
        out_channels=23,
        deconv_out_channels=(256, 256),
        deconv_kernel_sizes=(4, 4),
        loss=dict(type="KeypointMSELoss", use_target_weight=True),
        decoder={{_base_.codec}},
    ),
    test_cfg=dict(flip_test=True, flip_mode="heatmap", shift_heatmap=False),
)
load_from = "models/vitpose-b.pth"
load_from_allow = ["head.final_layer.*"]
checkpoint = "MaskPose-b-1.1.0.pth"
