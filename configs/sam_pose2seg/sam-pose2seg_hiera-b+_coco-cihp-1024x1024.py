"""SAM-pose2seg on COCO and CIHP, as published.

torchrun --nproc_per_node 8 tools/train.py THIS --launcher pytorch --amp

CIHP has masks but no joints: those of ``cihp_train.json`` come from a pose model, as
datasets/README.md tells (or name the pose model's result file in ``keypoints_file``).
"""

_base_ = ["sam-pose2seg_hiera-b+_coco-1024x1024.py"]

cihp = dict(
    type="PoseSegDataset",
    data_root="datasets/cihp",
    ann_file="cihp_train.json",
    data_prefix=dict(img="instance-level_human_parsing/Training/Images"),
    needs_keypoints=True,
)
both = dict(type="ConcatDataset", datasets=[_base_.coco, cihp])
train_dataloader = dict(dataset=dict(datasets=[both]))
work_dir = "work_dirs/sam-pose2seg_hiera-b+_coco-cihp-1024x1024"
