"""ExLPose: CrowdPose's 14 joints in extremely dark images (Lee et al., CVPR 2023)."""

dataset_info = {"base": "crowdpose.py", "dataset_name": "exlpose"}
