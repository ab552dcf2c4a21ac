"""CropCOCO: COCO's 17 joints on cut images, joints outside them annotated (ProbPose)."""

dataset_info = {"base": "coco.py", "dataset_name": "coco_crop"}
