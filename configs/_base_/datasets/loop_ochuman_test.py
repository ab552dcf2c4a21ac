"""The loop on OCHuman test; see ``ochuman`` in datasets/README.md."""

_base_ = ["../loop.py"]

__knobs__ = {
    "data_root": "folder of the images that are evaluated",
    "ann_file": "their annotations, in data_root",
}
data_root = "datasets/ochuman"
ann_file = "ochuman_coco_format_test_range_0.00_1.00.json"
# of the released file; tools/datasets/check.py compares
expected = dict(num_images=2231, num_people=3819)
test_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file=ann_file, data_prefix=dict(img="images"))
)
test_evaluator = dict(ann_file=f"{data_root}/{ann_file}")
