"""The loop on embedded crowds, ``python tools/datasets/synthcrowd.py``."""

_base_ = ["../loop.py"]

__knobs__ = {
    "data_root": "folder of the images that are evaluated",
    "ann_file": "their annotations, in data_root",
}
data_root = "datasets/synthcrowd/val"
ann_file = "annotations.json"
test_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file=ann_file, data_prefix=dict(img="images"))
)
test_evaluator = dict(ann_file=f"{data_root}/{ann_file}")
