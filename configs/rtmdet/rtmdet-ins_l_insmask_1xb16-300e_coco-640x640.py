"""RTMDet-Ins-L for people alone that ignores blacked-out people: the loop's fine-tune.

Starts from the 80-class model, whose class layer does not fit and is learned anew. The second
stage of 20 epochs removes nobody. ``RemoveRandomInstances`` is ours: the published one is not.
"""

_base_ = ["./rtmdet-ins_l_cocoHuman_1xb16-300e_coco-640x640.py"]

__knobs__ = {"remove": "the holes of training, arguments of RemoveRandomInstances"}
remove = dict(type="RemoveRandomInstances", prob=0.5)
train_pipeline = [
    *_base_.load,
    remove,
    dict(type="RandomResize", scale=(1280, 1280), ratio_range=(0.1, 2.0), keep_ratio=True),
    _base_.crop,
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    _base_.pad,
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1)),
    dict(type="PackDetInputs"),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
