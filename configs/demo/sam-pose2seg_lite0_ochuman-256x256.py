"""The small segmenter on OCHuman's validation images (datasets/README.md).

python tools/test.py configs/demo/sam-pose2seg_lite0_ochuman-256x256.py
"""

_base_ = ["sam-pose2seg_lite0_synthcrowd-256x256.py"]

test_dataloader = dict(
    dataset=dict(
        data_root="datasets/ochuman",
        ann_file="ochuman_coco_format_val_range_0.00_1.00.json",
        data_prefix=dict(img="images"),
    )
)
work_dir = "work_dirs/sam-pose2seg_lite0_ochuman-256x256"
