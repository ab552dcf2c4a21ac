"""CIHP: masks of people (Gong et al., ECCV 2018) with COCO's 17 joints by a pose model."""

dataset_info = {"base": "coco.py", "dataset_name": "cihp"}
