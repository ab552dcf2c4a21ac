"""The 19-joint layout of COCO with AI Challenger: COCO's 17, head top and neck."""

dataset_info = {
    "base": "coco.py",
    "dataset_name": "coco_aic",
    "keypoint_info": {
        17: {"name": "head_top", "type": "upper", "swap": ""},
        18: {"name": "neck", "type": "upper", "swap": ""},
    },
    "joint_weights": [1.0, 1.0],
    "sigmas": [0.026, 0.026],
}
