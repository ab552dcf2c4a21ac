"""The loop on OCHuman val; see ``ochuman`` in datasets/README.md."""

_base_ = ["../loop.py"]

__knobs__ = {
    "data_root": "folder of the images that are evaluated",
    "ann_file": "their annotations, in data_root",
}
data_root = "datasets/ochuman"
ann_file = "ochuman_coco_format_val_range_0.00_1.00.json"
# of the released file; tools/datasets/check.py compares
expected = dict(num_images=2500, num_people=4291)
test_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file=ann_file, data_prefix=dict(img="images"))
)
test_evaluator = dict(ann_file=f"{data_root}/{ann_file}")
