"""COCO-WholeBody: body, feet, face and hands, 133 joints (Jin et al., ECCV 2020).

Joints 0-16 are COCO's, 17-22 the feet, 23-90 the face in iBUG's order of 68 points, 91-111 the
left and 112-132 the right hand. Sigmas are those of COCO-WholeBody's own evaluation.
"""

_FEET = ("big_toe", "small_toe", "heel")
_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
_HAND = ("hand_root", *(f"{finger}{i}" for finger in _FINGERS for i in range(1, 5)))
# mirrored pairs of the 68 points of a face: contour, brows, nose, eyes, mouth
_FACE_PAIRS = {
    **{i: 16 - i for i in range(8)},
    **{i: 43 - i for i in range(17, 22)},
    **{31: 35, 32: 34},
    **{36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46},
    **{48: 54, 49: 53, 50: 52, 55: 59, 56: 58, 60: 64, 61: 63, 65: 67},
}
_FACE_SWAPS = _FACE_PAIRS | {right: left for left, right in _FACE_PAIRS.items()}


def _joint(name: str, kind: str) -> dict:
    side, _, part = name.partition("_")
    other = {"left": "right", "right": "left"}[side]
    return {"name": name, "type": kind, "swap": f"{other}_{part}"}


def _face_joint(index: int) -> dict:
    swap = f"face-{_FACE_SWAPS[index]}" if index in _FACE_SWAPS else ""
    return {"name": f"face-{index}", "type": "upper", "swap": swap}


_EXTRA = [
    *(_joint(f"{side}_{part}", "lower") for side in ("left", "right") for part in _FEET),
    *(_face_joint(index) for index in range(68)),
    *(_joint(f"{side}_{part}", "upper") for side in ("left", "right") for part in _HAND),
]
_HAND_SIGMAS = (
    *(0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024),
    *(0.022, 0.026, 0.017, 0.021, 0.021, 0.032, 0.02, 0.019, 0.022, 0.031),
)

dataset_info = {
    "base": "coco.py",
    "dataset_name": "coco_wholebody",
    "keypoint_info": dict(enumerate(_EXTRA, start=17)),
    "joint_weights": [1.0] * 116,
    "sigmas": [
        *(0.068, 0.066, 0.066, 0.092, 0.094, 0.094),
        *(0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032),
        *(0.037, 0.038, 0.043, 0.041, 0.045),
        *(0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015),
        *(0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008, 0.016, 0.010),
        *(0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034),
        *(0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009),
        *(0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.01, 0.008),
        *_HAND_SIGMAS,
        *_HAND_SIGMAS,
    ],
}
