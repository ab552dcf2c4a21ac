"""SAM-pose2seg: SAM 2.1 Hiera-B+ fine-tuned to be prompted with joints (arXiv 2601.08982).

torchrun --nproc_per_node 8 tools/train.py THIS --launcher pytorch --amp

The published recipe: one person an image, one joint, seven corrections, 15 epochs of every image
twice, 8 images a step; 4,221,585 parameters learn. Joints move with the image here. Data: ``coco``
of datasets/README.md; ``sam-pose2seg_hiera-b+_coco-cihp-1024x1024.py`` adds CIHP.
"""

_base_ = ["sam2.1_hiera-b+_sa-v-1024x1024.py"]

__knobs__ = {
    "num_epochs": "length of the training; the learning rate falls to its end with the last",
    "base_lr": "highest learning rate",
}
num_epochs = 15
base_lr = 5e-6
load_from = "models/sam2.1_hiera_base_plus.pt"
checkpoint = "SAM-pose2seg_hiera_b+.pt"

model = dict(
    first_counts=(1,),
    num_corrections=7,
    keypoint_prob=1.0,
    keypoint_order="most_visible",
    from_truth_prob=0.1,
    loss_weights=dict(mask=20.0, dice=1.0, iou=1.0, object=1.0),
    hide_absent=True,
    trainable="prompt_and_decoder",
)
train_pipeline = [
    dict(type="LoadPeople", max_people=1),
    dict(type="FlipPeople"),
    dict(type="WarpPeople", rotation=25, shear=20),
    dict(type="SquarePeople", size=_base_.image_size, mask_size=_base_.image_size),
    dict(type="JitterColours", brightness=0.1, contrast=0.05, saturation=0.05, gray_prob=0.05),
    dict(type="PackPeople"),
]
coco = dict(
    type="PoseSegDataset",
    data_root="datasets/coco",
    ann_file="annotations/person_keypoints_train2017.json",
    data_prefix=dict(img="train2017"),
    needs_keypoints=True,
)
# The place in the data, not the process, decides what is drawn: a resumed run sees the same.
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="mmpose.MultiSourceSampler", batch_size=1, source_ratio=[1]),
    dataset=dict(
        type="mmpose.CombinedDataset",
        metainfo=dict(from_file="coco.py"),
        datasets=[coco],
        sample_ratio_factor=[2],
        pipeline=train_pipeline,
    ),
)
find_unused_parameters = True  # people may lack what some prompts need
train_cfg = dict(by_epoch=True, max_epochs=num_epochs)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=base_lr, weight_decay=0.1),
    # box corners get no gradient here: without this, decay would forget them
    paramwise_cfg=dict(
        norm_decay_mult=0,
        bias_decay_mult=0,
        custom_keys={"point_embeddings": dict(decay_mult=0)},
    ),
    clip_grad=dict(max_norm=0.1),
)
param_scheduler = [
    dict(
        type="CosineAnnealingLR",
        begin=0,
        end=num_epochs,
        T_max=num_epochs,
        eta_min=base_lr * 0.1,
        convert_to_iter_based=True,
    )
]
default_hooks = dict(
    checkpoint=dict(interval=1),
    samples=dict(type="mmpose.RegionSamplesHook", regard="regard_prompted"),
)
custom_hooks = [dict(type="SyncBuffersHook")]
randomness = dict(seed=123)
work_dir = "work_dirs/sam-pose2seg_hiera-b+_coco-1024x1024"
