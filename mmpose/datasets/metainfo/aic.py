"""AI Challenger: 14 joints, right side first (Wu et al., arXiv:1711.06475).

Sigmas are those of AI Challenger's own evaluation; joint weights follow COCO's rule.
"""

dataset_info = {
    "dataset_name": "aic",
    "keypoint_info": {
        0: {"name": "right_shoulder", "type": "upper", "swap": "left_shoulder"},
        1: {"name": "right_elbow", "type": "upper", "swap": "left_elbow"},
        2: {"name": "right_wrist", "type": "upper", "swap": "left_wrist"},
        3: {"name": "left_shoulder", "type": "upper", "swap": "right_shoulder"},
        4: {"name": "left_elbow", "type": "upper", "swap": "right_elbow"},
        5: {"name": "left_wrist", "type": "upper", "swap": "right_wrist"},
        6: {"name": "right_hip", "type": "lower", "swap": "left_hip"},
        7: {"name": "right_knee", "type": "lower", "swap": "left_knee"},
        8: {"name": "right_ankle", "type": "lower", "swap": "left_ankle"},
        9: {"name": "left_hip", "type": "lower", "swap": "right_hip"},
        10: {"name": "left_knee", "type": "lower", "swap": "right_knee"},
        11: {"name": "left_ankle", "type": "lower", "swap": "right_ankle"},
        12: {"name": "head_top", "type": "upper", "swap": ""},
        13: {"name": "neck", "type": "upper", "swap": ""},
    },
    "skeleton_info": {
        0: {"link": ("right_wrist", "right_elbow")},
        1: {"link": ("right_elbow", "right_shoulder")},
        2: {"link": ("right_shoulder", "neck")},
        3: {"link": ("neck", "left_shoulder")},
        4: {"link": ("left_shoulder", "left_elbow")},
        5: {"link": ("left_elbow", "left_wrist")},
        6: {"link": ("right_ankle", "right_knee")},
        7: {"link": ("right_knee", "right_hip")},
        8: {"link": ("right_hip", "left_hip")},
        9: {"link": ("left_hip", "left_knee")},
        10: {"link": ("left_knee", "left_ankle")},
        11: {"link": ("head_top", "neck")},
        12: {"link": ("right_shoulder", "right_hip")},
        13: {"link": ("left_shoulder", "left_hip")},
    },
    "joint_weights": [1, 1.2, 1.5, 1, 1.2, 1.5, 1, 1.2, 1.5, 1, 1.2, 1.5, 1, 1],
    "sigmas": [
        *(0.01388152, 0.01515228, 0.01057665, 0.01417709, 0.01497891, 0.01402144),
        *(0.03909642, 0.03686941, 0.01981803, 0.03843971, 0.03412318, 0.02415081),
        *(0.01291456, 0.01236173),
    ],
}
