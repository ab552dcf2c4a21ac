"""OCHuman: COCO's 17 joints on people who overlap heavily (Zhang et al., CVPR 2019)."""

dataset_info = {"base": "coco.py", "dataset_name": "ochuman"}
