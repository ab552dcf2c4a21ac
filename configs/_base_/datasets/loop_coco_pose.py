"""Poses of COCO val2017 on boxes that are given: annotated ones, or those of a file.

A leaf takes ``true_boxes`` or ``filed_boxes`` as its detector and one turn. The filed boxes keep
their low scores and are not suppressed again, as top-down evaluation on this file does.
"""

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
test_evaluator = dict(ann_file=f"{data_root}/{ann_file}", iou_types=("keypoints",))

true_boxes = dict(type="TrueBoxDetector", ann_file=f"{data_root}/{ann_file}", with_masks=True)
filed_boxes = dict(
    type="BoxFileDetector",
    box_file=f"{data_root}/person_detection_results/COCO_val2017_detections_AP_H_56_person.json",
    score_thr=0.0,
    nms_iou_thr=1.0,
)
