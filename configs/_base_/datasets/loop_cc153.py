"""The loop on 153 real photos; see ``coco_val2017_people_cc`` in datasets/README.md."""

_base_ = ["../loop.py"]

__knobs__ = {
    "data_root": "folder of the images that are evaluated",
    "ann_file": "their annotations, in data_root",
}
data_root = "datasets/coco_val2017_people_cc"
ann_file = "person_keypoints.json"
test_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file=ann_file, data_prefix=dict(img="images"))
)
test_evaluator = dict(ann_file=f"{data_root}/{ann_file}")
