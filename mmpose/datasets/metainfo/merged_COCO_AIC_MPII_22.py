"""COCO's 17 joints with thorax, two necks, the head top and the pelvis of MPII and AIC.

Published as a second ``merged_COCO_AIC_MPII.py``; that name is the 21-joint layout here.
"""

dataset_info = {
    "base": "merged_COCO_AIC_MPII_21.py",
    "dataset_name": "merged_COCO_AIC_MPII_22",
    "keypoint_info": {21: {"name": "pelvis", "type": "lower", "swap": ""}},
    "joint_weights": [1.0],
    "sigmas": [0.107],
}
