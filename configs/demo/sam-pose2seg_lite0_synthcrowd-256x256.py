"""The small pose-prompted segmenter that ships with the project: SAM 2 on EfficientNet-Lite0.

Same classes and steps as configs/sam_pose2seg, smaller numbers, no video memory. Trained on
SynthCrowd and real photos, half each, with 1 to 8 joints as clicks. The trunk is that of the
shipped detector and does not learn. Needs ``datasets/synthcrowd/{train,val}`` (python
tools/datasets/synthcrowd.py) and the photos of ``datasets/README.md``.

python tools/test.py THIS                                # annotated joints, SynthCrowd val
python tools/test.py THIS --cfg-options test_dataloader.dataset.pose_file=poses.json

The second cuts out the poses of a COCO result file (in ``data_root``) instead.
"""

_base_ = ["../_base_/runtime.py"]
default_scope = "bmp"
custom_imports = dict(imports=["bmp.segmenter_training"], allow_failed_imports=False)

__knobs__ = {
    "batch_size": "images a training step",
    "max_iters": "training steps; the learning rate falls to its end with the last",
    "base_lr": "highest learning rate",
    "image_size": "side of the square that the network sees, pixels",
    "mask_size": "side of the masks that losses are computed on, pixels",
}
image_size = 256
mask_size = 128  # at which losses are computed
batch_size = 8
max_iters = 1500
base_lr = 1e-3

model = dict(
    type="PoseSAM",
    data_preprocessor=dict(
        type="ImgDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        non_blocking=True,
    ),
    sam=dict(
        image_size=image_size,
        d_model=128,
        click_sigma=16,
        trunk=dict(
            type="TimmTrunk",
            model_name="tf_efficientnet_lite0",
            frozen_stages=8,  # all
            # it knows people already
            pretrained_file="bmp/weights/rtmdet-ins_lite0_demo.safetensors",
        ),
    ),
    neck_gain=0.12,
    first_counts=(1, 2, 3, 5, 8),
    num_corrections=0,
    keypoint_jitter=0.02,
    # Learning from scratch, the published 20 to 1 first answers "background everywhere".
    loss_weights=dict(mask=5.0, dice=5.0, iou=1.0, object=1.0),
    trainable="all",
    keypoint_order="random",
    eval_counts=(1, 3, 8),
)
checkpoint = "sam-pose2seg_demo.safetensors"

train_pipeline = [
    dict(type="LoadPeople", max_people=4),
    dict(type="FlipPeople"),
    dict(type="WarpPeople", rotation=15, shear=10, scale_range=(0.7, 1.6), shift=0.15, prob=0.7),
    dict(type="SquarePeople", size=image_size, mask_size=mask_size),
    dict(type="JitterColours", brightness=0.3, contrast=0.2, saturation=0.3),
    dict(type="PackPeople"),
]
test_pipeline = [
    dict(type="LoadPeople"),
    dict(type="SquarePeople", size=image_size, mask_size=mask_size),
    dict(type="PackPeople", min_pixels=0, with_originals=True),
]

synthetic = dict(
    type="PoseSegDataset",
    data_root="datasets/synthcrowd/train",
    ann_file="annotations.json",
    data_prefix=dict(img="images"),
)
photos = dict(
    type="PoseSegDataset",
    data_root="datasets/coco_val2017_people_480",
    ann_file="people_masks.json",
    data_prefix=dict(img="images"),
)
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="mmpose.MultiSourceSampler", batch_size=batch_size, source_ratio=[1, 1]),
    dataset=dict(
        type="mmpose.CombinedDataset",
        metainfo=dict(from_file="coco.py"),
        datasets=[synthetic, photos],
        pipeline=train_pipeline,
    ),
)
find_unused_parameters = True  # without corrections some prompts never come
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="PoseSegDataset",
        data_root="datasets/synthcrowd/val",
        ann_file="annotations.json",
        data_prefix=dict(img="images"),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="PromptedMaskMetric")
test_evaluator = val_evaluator

train_cfg = dict(type="ResumableIterTrainLoop", max_iters=max_iters, val_interval=max_iters)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=base_lr, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0),
    clip_grad=dict(max_norm=1.0),
)
warm_up_iters = max(1, min(100, max_iters // 5))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=warm_up_iters),
    dict(
        type="CosineAnnealingLR",
        by_epoch=False,
        begin=warm_up_iters,
        end=max_iters,
        T_max=max_iters - warm_up_iters,
        eta_min=base_lr * 0.01,
    ),
]
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=20),
    checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=100, max_keep_ckpts=2),
    samples=dict(type="mmpose.RegionSamplesHook", regard="regard_prompted"),
)
custom_hooks = [
    dict(
        type="EMAHook",
        ema_type="MomentumAnnealingEMA",
        momentum=0.001,
        gamma=300,
        update_buffers=True,
        priority=49,
    ),
]
log_processor = dict(by_epoch=False, window_size=20)
randomness = dict(seed=0)
work_dir = "work_dirs/sam-pose2seg_lite0_synthcrowd-256x256"
