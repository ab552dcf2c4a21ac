"""The small segmenter, fine-tuned on real people pasted in heavy overlap.

Photos of ``datasets/coco_val2017_people_480`` have one person mostly; pasted people make crowds
of them. Starts from the shipped weights. A thousand steps are not enough (docs/log.md).

python tools/train.py configs/demo/sam-pose2seg_lite0_copy-paste-256x256.py
"""

_base_ = ["sam-pose2seg_lite0_synthcrowd-256x256.py"]

__knobs__ = {
    "paste": "who is pasted how often and where, arguments of CopyPastePeople",
    "max_iters": "training steps; the learning rate falls to its end with the last",
    "base_lr": "highest learning rate",
}
max_iters = 4000
base_lr = 5e-4
paste = dict(
    type="CopyPastePeople",
    people=dict(
        data_root="datasets/coco_val2017_people_480",
        ann_file="people_masks.json",
        data_prefix=dict(img="images"),
    ),
    prob=0.8,
    placing=dict(num=(1, 3)),
)
load, flip, warp, *rest = _base_.train_pipeline
train_pipeline = [load, paste, flip, dict(warp, scale_range=(0.5, 1.6), prob=0.8), *rest]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(sam=dict(trunk=dict(pretrained_file=None)))
load_from = "bmp/weights/sam-pose2seg_demo.safetensors"

train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(optimizer=dict(lr=base_lr))
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
work_dir = "work_dirs/sam-pose2seg_lite0_copy-paste-256x256"
