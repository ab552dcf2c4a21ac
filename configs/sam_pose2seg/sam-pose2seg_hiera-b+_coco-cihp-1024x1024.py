"""SAM-pose2seg on COCO and CIHP, as published.

torchrun --nproc_per_node 8 tools/train.py THIS --launcher pytorch --amp

CIHP has masks but no joints: ``poses_train.json`` is a COCO result file of a pose model on its
boxes. Data: ``coco`` and ``cihp`` of datasets/README.md.
"""

_base_ = ["sam-pose2seg_hiera-b+_coco-1024x1024.py"]

cihp = dict(
    type="PoseSegDataset",
    data_root="datasets/cihp",
    ann_file="annotations/cihp_train.json",
    data_prefix=dict(img="train"),
    keypoints_file="annotations/poses_train.json",
    needs_keypoints=True,
)
both = dict(type="ConcatDataset", datasets=[{{_base_.coco}}, cihp])
train_dataloader = dict(dataset=dict(datasets=[both]))
work_dir = "work_dirs/sam-pose2seg_hiera-b+_coco-cihp-1024x1024"
