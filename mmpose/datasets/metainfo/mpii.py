"""MPII Human Pose: 16 joints, right leg first (Andriluka et al., CVPR 2014).

MPII is scored by PCKh and has no sigmas of its own; these are COCO's for the joints both share.
"""

dataset_info = {
    "dataset_name": "mpii",
    "keypoint_info": {
        0: {"name": "right_ankle", "type": "lower", "swap": "left_ankle"},
        1: {"name": "right_knee", "type": "lower", "swap": "left_knee"},
        2: {"name": "right_hip", "type": "lower", "swap": "left_hip"},
        3: {"name": "left_hip", "type": "lower", "swap": "right_hip"},
        4: {"name": "left_knee", "type": "lower", "swap": "right_knee"},
        5: {"name": "left_ankle", "type": "lower", "swap": "right_ankle"},
        6: {"name": "pelvis", "type": "lower", "swap": ""},
        7: {"name": "thorax", "type": "upper", "swap": ""},
        8: {"name": "upper_neck", "type": "upper", "swap": ""},
        9: {"name": "head_top", "type": "upper", "swap": ""},
        10: {"name": "right_wrist", "type": "upper", "swap": "left_wrist"},
        11: {"name": "right_elbow", "type": "upper", "swap": "left_elbow"},
        12: {"name": "right_shoulder", "type": "upper", "swap": "left_shoulder"},
        13: {"name": "left_shoulder", "type": "upper", "swap": "right_shoulder"},
        14: {"name": "left_elbow", "type": "upper", "swap": "right_elbow"},
        15: {"name": "left_wrist", "type": "upper", "swap": "right_wrist"},
    },
    "skeleton_info": {
        0: {"link": ("right_ankle", "right_knee")},
        1: {"link": ("right_knee", "right_hip")},
        2: {"link": ("right_hip", "pelvis")},
        3: {"link": ("pelvis", "left_hip")},
        4: {"link": ("left_hip", "left_knee")},
        5: {"link": ("left_knee", "left_ankle")},
        6: {"link": ("pelvis", "thorax")},
        7: {"link": ("thorax", "upper_neck")},
        8: {"link": ("upper_neck", "head_top")},
        9: {"link": ("right_wrist", "right_elbow")},
        10: {"link": ("right_elbow", "right_shoulder")},
        11: {"link": ("right_shoulder", "thorax")},
        12: {"link": ("thorax", "left_shoulder")},
        13: {"link": ("left_shoulder", "left_elbow")},
        14: {"link": ("left_elbow", "left_wrist")},
    },
    "joint_weights": [1.5, 1.2, 1, 1, 1.2, 1.5, 1, 1, 1, 1, 1.5, 1.2, 1, 1, 1.2, 1.5],
    "sigmas": [
        *(0.089, 0.087, 0.107, 0.107, 0.087, 0.089),
        *(0.107, 0.079, 0.079, 0.035),
        *(0.062, 0.072, 0.079, 0.079, 0.072, 0.062),
    ],
}
