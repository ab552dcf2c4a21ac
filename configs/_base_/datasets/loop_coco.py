"""The loop on COCO val2017, people's boxes, masks and poses; see ``coco`` in datasets/README.md."""

_base_ = ["../loop.py"]

__knobs__ = {
    "data_root": "folder of the images that are evaluated",
    "ann_file": "their annotations, in data_root",
}
data_root = "datasets/coco"
ann_file = "annotations/person_keypoints_val2017.json"
# of the released file; tools/datasets/check.py compares
expected = dict(num_images=5000, num_people=11004)
test_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file=ann_file, data_prefix=dict(img="val2017"))
)
test_evaluator = dict(ann_file=f"{data_root}/{ann_file}")
