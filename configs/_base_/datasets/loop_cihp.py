"""The loop on CIHP val, boxes and masks: its people have no joints of their own.

``python tools/datasets/cihp.py --split val`` makes the annotations from the download.
"""

_base_ = ["../loop.py"]

__knobs__ = {
    "data_root": "folder of the images that are evaluated",
    "ann_file": "their annotations, in data_root",
}
data_root = "datasets/cihp"
ann_file = "cihp_val.json"
test_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file=ann_file,
        data_prefix=dict(img="instance-level_human_parsing/Validation/Images"),
    )
)
test_evaluator = dict(ann_file=f"{data_root}/{ann_file}", iou_types=("bbox", "segm"))
