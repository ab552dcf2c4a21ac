"""COCO's 17 joints with thorax, two necks and the head top of MPII and AIC."""

dataset_info = {
    "base": "coco.py",
    "dataset_name": "merged_COCO_AIC_MPII_21",
    "keypoint_info": {
        17: {"name": "thorax_mpii", "type": "upper", "swap": ""},
        18: {"name": "neck_mpii", "type": "upper", "swap": ""},
        19: {"name": "neck_aic", "type": "upper", "swap": ""},
        20: {"name": "top_head", "type": "upper", "swap": ""},
    },
    "joint_weights": [1.0, 1.0, 1.0, 1.0],
    "sigmas": [0.079, 0.079, 0.079, 0.035],
}
