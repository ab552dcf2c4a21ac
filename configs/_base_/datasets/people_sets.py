"""The data sets of people that the published models train and test on.

MPII and AI Challenger need masks of their people (``segmentation`` in the annotations, for
example by SAM). datasets/README.md says how to obtain and lay out the data.
"""

coco_annotations = "datasets/coco/annotations/person_keypoints_val2017.json"
ochuman_annotations = "datasets/ochuman/ochuman_coco_format_val_range_0.00_1.00.json"

coco_train = dict(
    type="CocoDataset",
    data_root="datasets/coco",
    ann_file="annotations/person_keypoints_train2017.json",
    data_prefix=dict(img="train2017/"),
)
coco_val = dict(
    type="CocoDataset",
    data_root="datasets/coco",
    ann_file="annotations/person_keypoints_val2017.json",
    data_prefix=dict(img="val2017/"),
    test_mode=True,
)
mpii_train = dict(
    type="MpiiDataset",
    data_root="datasets/mpii",
    ann_file="annotations/mpii_sam_train.json",
    data_prefix=dict(img="images/"),
)
mpii_val = dict(mpii_train, ann_file="annotations/mpii_sam_val.json", test_mode=True)
aic_train = dict(
    type="AicDataset",
    data_root="datasets/aic",
    ann_file="annotations/aic_sam_train.json",
    data_prefix=dict(img="images/"),
)
aic_val = dict(aic_train, ann_file="annotations/aic_sam_val.json", test_mode=True)
ochuman_val = dict(
    type="OCHumanDataset",
    data_root="datasets/ochuman",
    ann_file="ochuman_coco_format_val_range_0.00_1.00.json",
    data_prefix=dict(img="images/"),
    test_mode=True,
)
# people of a detector, with its masks
ochuman_det_val = dict(
    ochuman_val,
    type="OCHumanDetDataset",
    bbox_file="detections/rtmdet-l-ins_val.json",
    filter_cfg=dict(bbox_score_thr=0.3),
)
