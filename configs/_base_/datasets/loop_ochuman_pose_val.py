"""The loop on OCHuman-Pose val: OCHuman's images, everybody in them annotated.

Its image ids are not OCHuman's, so ``filed_boxes``, detections by OCHuman's ids, are matched by
file name.
"""

_base_ = ["../loop.py"]

__knobs__ = {
    "data_root": "folder of the images that are evaluated",
    "ann_file": "their annotations, in data_root",
}
data_root = "datasets/ochuman"
ann_file = "annotations/ochuman-pose_coco_format_val.json"
# of the released file; tools/datasets/check.py compares
expected = dict(num_images=2500, num_people=6546)
test_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file=ann_file, data_prefix=dict(img="images"))
)
# it is a set of poses; masks, where its people have some: iou_types=("bbox", "segm", "keypoints")
test_evaluator = dict(ann_file=f"{data_root}/{ann_file}", iou_types=("bbox", "keypoints"))

filed_boxes = dict(
    type="BoxFileDetector",
    box_file=f"{data_root}/detections/rtmdet-l-ins_val.json",
    ids_file=f"{data_root}/ochuman_coco_format_val_range_0.00_1.00.json",
    ann_file=f"{data_root}/{ann_file}",
)
