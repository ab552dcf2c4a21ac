"""The 23-joint layout of MaskPose-1.1.0 and PMPose-1.0.0: every extra joint of MPII and AIC."""

dataset_info = {
    "base": "coco.py",
    "dataset_name": "merged_COCO_AIC_MPII_mergable",
    "keypoint_info": {
        17: {"name": "thorax_mpii", "type": "upper", "swap": ""},
        18: {"name": "pelvis_mpii", "type": "lower", "swap": ""},
        19: {"name": "neck_mpii", "type": "upper", "swap": ""},
        20: {"name": "head_top_mpii", "type": "upper", "swap": ""},
        21: {"name": "neck_aic", "type": "upper", "swap": ""},
        22: {"name": "head_top_aic", "type": "upper", "swap": ""},
    },
    "joint_weights": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    "sigmas": [0.079, 0.107, 0.079, 0.079, 0.079, 0.079],
}
