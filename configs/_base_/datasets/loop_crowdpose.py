"""The loop on CrowdPose test, boxes and poses; it has no masks.

CrowdPose has 14 joints, the loop predicts COCO's 17. Evaluated are the 12 that both have, with
CrowdPose's constants. Its neck and top of the head have no counterpart: a guess at them would be
judged as a prediction, and left empty they would be wrong wherever they are annotated. So AP is not
that of a model of 14 joints. ``coco_to_crowdpose`` fills 13, the neck midway between the shoulders:
``metainfo=dict(from_file="crowdpose.py")`` with it and no ``gt_converter`` judges all 14.
"""

_base_ = ["../loop.py", "crowdpose_joints.py"]

__knobs__ = {
    "data_root": "folder of the images that are evaluated",
    "ann_file": "their annotations, in data_root",
}
data_root = "datasets/crowdpose"
ann_file = "annotations/mmpose_crowdpose_test.json"
# of the released file; tools/datasets/check.py compares
expected = dict(num_images=8000)
test_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file=ann_file, data_prefix=dict(img="images"))
)
test_evaluator = dict(
    ann_file=f"{data_root}/{ann_file}",
    iou_types=("bbox", "keypoints_crowd"),
    metainfo=dict(from_file="crowdpose.py"),
    pred_converter=dict(num_keypoints=12, mapping=_base_.coco_to_shared_12),
    gt_converter=dict(num_keypoints=12, mapping=_base_.crowdpose_to_shared_12),
)
