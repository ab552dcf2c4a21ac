"""The loop on the small models, evaluated on 153 real photos that none of them was trained on.

python tools/test.py configs/demo/bmp_demo_cc153.py

Needs ``datasets/coco_val2017_people_cc`` (see datasets/README.md).
"""

_base_ = ["bmp_demo.py"]

data_root = "datasets/coco_val2017_people_cc"
ann_file = "person_keypoints.json"
test_dataloader = dict(dataset=dict(data_root=data_root, ann_file=ann_file))
test_evaluator = dict(ann_file=f"{data_root}/{ann_file}")
