"""SAM 2.1 with Hiera-B+ as published, and its mask AP on people of COCO shown by their joints.

python tools/test.py configs/sam_pose2seg/sam2.1_hiera-b+_sa-v-1024x1024.py
python tools/test.py THIS --cfg-options test_dataloader.dataset.pose_file=poses.json

The second cuts out the poses of a COCO result file (in ``data_root``) instead of the annotated
people. Data: ``coco`` of datasets/README.md. Weights are downloaded once or put into ``models/``.
"""

_base_ = ["../_base_/runtime.py"]
default_scope = "bmp"
custom_imports = dict(imports=["bmp.segmenter_training"], allow_failed_imports=False)

image_size = 1024
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
        d_model=256,
        trunk=dict(type="Hiera", embed_dim=112, num_heads=2),
        memory=dict(num_layers=4, dim=64),
    ),
    trainable="prompt_and_decoder",
    eval_counts=("bbox", 1, 2, 3),
)
checkpoint = "sam2.1_hiera_base_plus.pt"

test_pipeline = [
    dict(type="LoadPeople"),
    dict(type="SquarePeople", size=image_size, mask_size=image_size // 4),
    dict(type="PackPeople", min_pixels=0, with_originals=True),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="PoseSegDataset",
        data_root="datasets/coco",
        ann_file="annotations/person_keypoints_val2017.json",
        data_prefix=dict(img="val2017"),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_evaluator = dict(type="PromptedMaskMetric")
test_cfg = dict(type="TestLoop")
work_dir = "work_dirs/sam2.1_hiera-b+_sa-v-1024x1024"
