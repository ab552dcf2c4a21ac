"""CrowdPose's 12 joints that COCO has too, by which the loop is judged there.

For result files of ``configs/bmp/*_crowdpose.py`` beside CrowdPose's own annotations: these are
brought to the 12 by the names of their joints.
"""

dataset_info = {
    "dataset_name": "crowdpose_12",
    "keypoint_info": {
        0: {"name": "left_shoulder", "type": "upper", "swap": "right_shoulder"},
        1: {"name": "right_shoulder", "type": "upper", "swap": "left_shoulder"},
        2: {"name": "left_elbow", "type": "upper", "swap": "right_elbow"},
        3: {"name": "right_elbow", "type": "upper", "swap": "left_elbow"},
        4: {"name": "left_wrist", "type": "upper", "swap": "right_wrist"},
        5: {"name": "right_wrist", "type": "upper", "swap": "left_wrist"},
        6: {"name": "left_hip", "type": "lower", "swap": "right_hip"},
        7: {"name": "right_hip", "type": "lower", "swap": "left_hip"},
        8: {"name": "left_knee", "type": "lower", "swap": "right_knee"},
        9: {"name": "right_knee", "type": "lower", "swap": "left_knee"},
        10: {"name": "left_ankle", "type": "lower", "swap": "right_ankle"},
        11: {"name": "right_ankle", "type": "lower", "swap": "left_ankle"},
    },
    "skeleton_info": {
        0: {"link": ("left_ankle", "left_knee")},
        1: {"link": ("left_knee", "left_hip")},
        2: {"link": ("right_ankle", "right_knee")},
        3: {"link": ("right_knee", "right_hip")},
        4: {"link": ("left_hip", "right_hip")},
        5: {"link": ("left_shoulder", "left_hip")},
        6: {"link": ("right_shoulder", "right_hip")},
        7: {"link": ("left_shoulder", "right_shoulder")},
        8: {"link": ("left_shoulder", "left_elbow")},
        9: {"link": ("right_shoulder", "right_elbow")},
        10: {"link": ("left_elbow", "left_wrist")},
        11: {"link": ("right_elbow", "right_wrist")},
    },
    "joint_weights": [1, 1, 1.2, 1.2, 1.5, 1.5, 1, 1, 1.2, 1.2, 1.5, 1.5],
    "sigmas": [
        *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
        *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
    ],
}
