"""PMPose, first stage, fine-tuned on people whom others are pasted over and behind.

Starts from the shipped weights; pmpose_lite0_synthcrowd-128x96.py is the second stage.

python tools/train.py configs/demo/pmpose_lite0_copy-paste-128x96.py
"""

_base_ = "pmpose_lite0_synthcrowd-128x96_stage1.py"

__knobs__ = {"paste": "who is pasted how often and where, arguments of CopyPastePeople"}
paste = dict(
    type="CopyPastePeople",
    people=dict(
        data_root="datasets/coco_val2017_people_480",
        ann_file="people_masks.json",
        data_prefix=dict(img="images"),
    ),
    prob=0.5,
    placing=dict(num=(1, 2)),
)
load, *rest = _base_.train_pipeline
train_pipeline = [load, paste, *rest]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(backbone=dict(pretrained_file=None))
load_from = "bmp/weights/pmpose_lite0_demo.safetensors"
load_from_allow = []
