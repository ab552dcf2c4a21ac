"""The 21-joint layout of MaskPose-b-1.0.0 and ViTPose-b-multi: COCO's 17, then shared extras."""

dataset_info = {
    "base": "coco.py",
    "dataset_name": "merged_COCO_AIC_MPII",
    "keypoint_info": {
        17: {"name": "thorax", "type": "upper", "swap": ""},
        18: {"name": "neck", "type": "upper", "swap": ""},
        19: {"name": "top_head", "type": "upper", "swap": ""},
        20: {"name": "pelvis", "type": "lower", "swap": ""},
    },
    "joint_weights": [1.0, 1.0, 1.0, 1.0],
    "sigmas": [0.079, 0.079, 0.035, 0.107],
}
