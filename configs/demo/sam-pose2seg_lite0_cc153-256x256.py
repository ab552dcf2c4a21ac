"""The small segmenter on the 153 CC photos of COCO val2017, which nothing was trained on.

python tools/test.py configs/demo/sam-pose2seg_lite0_cc153-256x256.py
"""

_base_ = ["sam-pose2seg_lite0_synthcrowd-256x256.py"]

test_dataloader = dict(
    dataset=dict(
        data_root="datasets/coco_val2017_people_cc",
        ann_file="person_keypoints.json",
        data_prefix=dict(img="images"),
    )
)
work_dir = "work_dirs/sam-pose2seg_lite0_cc153-256x256"
