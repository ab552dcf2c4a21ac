"""The small detector, fine-tuned on real people pasted in heavy overlap, then blacked out.

python tools/train.py configs/demo/rtmdet-ins_lite0_copy-paste-320x320.py
"""

_base_ = ["rtmdet-ins_lite0_synthcrowd-320x320.py"]

__knobs__ = {"paste": "who is pasted how often and where, arguments of CopyPastePeople"}
paste = dict(
    type="CopyPastePeople",
    people=dict(
        data_root="datasets/coco_val2017_people_480",
        ann_file="people_masks.json",
        data_prefix=dict(img="images"),
    ),
    prob=0.5,
    placing=dict(num=(1, 3)),
)
load, crop_and_pack = _base_.load, _base_.crop_and_pack
synthetic = dict(_base_.synthetic, pipeline=[*load, paste, _base_.remove, *crop_and_pack])
photos = dict(_base_.photos, pipeline=[*load, paste, _base_.remove, _base_.mosaic, *crop_and_pack])
train_dataloader = dict(
    dataset=dict(datasets=[synthetic, dict(type="RepeatDataset", times=3, dataset=photos)])
)
model = dict(backbone=dict(pretrained_file=None))
load_from = "bmp/weights/rtmdet-ins_lite0_demo.safetensors"
