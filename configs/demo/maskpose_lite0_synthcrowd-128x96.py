"""MaskPose on EfficientNet-Lite0: mask-conditioned heatmaps of 17 joints, 128 x 96 crops.

Same classes and steps as configs/MaskPose, smaller numbers. Trains on the data of
configs/_base_/datasets/demo_pose.py.
"""

_base_ = [
    "../_base_/datasets/demo_pose.py",
    "../_base_/schedules/demo_pose.py",
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
        type="TimmBackbone",
        model_name="tf_efficientnet_lite0",
        out_indices=(2, 3, 4),
        pretrained_file="models/efficientnet_lite0_imagenet.pth",
        frozen_stages=2,  # the costly high resolutions keep their ImageNet features
    ),
    neck=dict(type="FusionNeck", in_channels=(40, 112, 320), out_channels=128),
    head=dict(
        type="HeatmapHead",
        in_channels=128,
        out_channels=17,
        deconv_out_channels=(64, 64),
        deconv_kernel_sizes=(4, 4),
        loss=dict(type="KeypointMSELoss", use_target_weight=True, loss_weight=100.0),
        decoder=_base_.codec,
    ),
    test_cfg=dict(flip_test=True, flip_mode="heatmap", shift_heatmap=False),
)
checkpoint = "maskpose_lite0_demo.safetensors"
