"""The small detector measured on real photos: the 153 images that no model trained on."""

_base_ = ["./rtmdet-ins_lite0_synthcrowd-320x320.py"]

photos_root = "datasets/coco_val2017_people_cc"
val_dataloader = dict(dataset=dict(data_root=photos_root, ann_file="person_keypoints.json"))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f"{photos_root}/person_keypoints.json")
test_evaluator = val_evaluator
