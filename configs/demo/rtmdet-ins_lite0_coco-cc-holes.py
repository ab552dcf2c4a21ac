"""Does the small detector ignore holes in real photos? The 153 that no model trained on."""

_base_ = ["./rtmdet-ins_lite0_holes.py"]

photos_root = "datasets/coco_val2017_people_cc"
val_dataloader = dict(dataset=dict(data_root=photos_root, ann_file="person_keypoints.json"))
test_dataloader = val_dataloader
