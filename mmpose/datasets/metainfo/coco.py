"""COCO: 17 body joints (Lin et al., Microsoft COCO, ECCV 2014).

Sigmas are the published per-joint constants of COCO's keypoint evaluation, weights those that
ViTPose-style training uses: 1.2 for elbows and knees, 1.5 for wrists and ankles.
"""

from mmpose.structures.sigmas import COCO_SIGMAS

dataset_info = {
    "dataset_name": "coco",
    "keypoint_info": {
        0: {"name": "nose", "type": "upper", "swap": ""},
        1: {"name": "left_eye", "type": "upper", "swap": "right_eye"},
        2: {"name": "right_eye", "type": "upper", "swap": "left_eye"},
        3: {"name": "left_ear", "type": "upper", "swap": "right_ear"},
        4: {"name": "right_ear", "type": "upper", "swap": "left_ear"},
        5: {"name": "left_shoulder", "type": "upper", "swap": "right_shoulder"},
        6: {"name": "right_shoulder", "type": "upper", "swap": "left_shoulder"},
        7: {"name": "left_elbow", "type": "upper", "swap": "right_elbow"},
        8: {"name": "right_elbow", "type": "upper", "swap": "left_elbow"},
        9: {"name": "left_wrist", "type": "upper", "swap": "right_wrist"},
        10: {"name": "right_wrist", "type": "upper", "swap": "left_wrist"},
        11: {"name": "left_hip", "type": "lower", "swap": "right_hip"},
        12: {"name": "right_hip", "type": "lower", "swap": "left_hip"},
        13: {"name": "left_knee", "type": "lower", "swap": "right_knee"},
        14: {"name": "right_knee", "type": "lower", "swap": "left_knee"},
        15: {"name": "left_ankle", "type": "lower", "swap": "right_ankle"},
        16: {"name": "right_ankle", "type": "lower", "swap": "left_ankle"},
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
        12: {"link": ("left_eye", "right_eye")},
        13: {"link": ("nose", "left_eye")},
        14: {"link": ("nose", "right_eye")},
        15: {"link": ("left_eye", "left_ear")},
        16: {"link": ("right_eye", "right_ear")},
        17: {"link": ("left_ear", "left_shoulder")},
        18: {"link": ("right_ear", "right_shoulder")},
    },
    "joint_weights": [1, 1, 1, 1, 1, 1, 1, 1.2, 1.2, 1.5, 1.5, 1, 1, 1.2, 1.2, 1.5, 1.5],
    "sigmas": list(COCO_SIGMAS),
}
