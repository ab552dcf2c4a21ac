"""Arms: where hands go in everyday gestures, and the two-bone solution that brings them there.

A hand target is the wrist relative to the shoulder, in units of the arm's length and in the frame
of the chest: (outward, backward, up). The pole is the direction the elbow points to.
"""

import math

import numpy as np

from bmp.synthcrowd.body import BodyModel
from bmp.synthcrowd.rotations import clamp, length, rot_y, shortest_rotation

# name: (wrist, spread of the wrist, elbow pole)
GESTURES: dict[str, tuple[tuple, tuple, tuple]] = {
    "hang": ((0.12, -0.05, -0.93), (0.08, 0.10, 0.04), (0.5, 1, 0)),
    "hip": ((0.10, -0.10, -0.60), (0.05, 0.06, 0.05), (1, 0.5, 0)),
    "folded": ((-0.55, -0.42, -0.32), (0.08, 0.06, 0.07), (0.6, -0.1, -1)),
    "hold": ((-0.20, -0.62, -0.15), (0.15, 0.12, 0.18), (0.5, 0.2, -1)),
    "belly": ((-0.30, -0.42, -0.50), (0.12, 0.08, 0.10), (0.8, 0.4, -0.5)),
    "face": ((-0.22, -0.35, 0.30), (0.10, 0.08, 0.10), (0.5, -0.3, -1)),
    "ear": ((-0.08, -0.12, 0.36), (0.06, 0.08, 0.08), (0.8, -0.3, -0.7)),
    "up": ((0.05, -0.15, 0.92), (0.22, 0.20, 0.08), (1, -0.3, 0)),
    "wave": ((0.30, -0.20, 0.45), (0.15, 0.15, 0.20), (1, 0.1, -0.6)),
    "side": ((0.90, -0.10, 0.05), (0.08, 0.25, 0.25), (0.2, 0.6, -0.7)),
    "reach": ((-0.05, -0.88, 0.00), (0.18, 0.10, 0.28), (0.5, 0, -1)),
    "back": ((-0.25, 0.35, -0.62), (0.10, 0.05, 0.08), (1, 0.6, 0)),
    "knee": ((0.00, -0.62, -0.55), (0.10, 0.15, 0.15), (1, 0.3, -0.2)),
    "swing_front": ((0.02, -0.50, -0.55), (0.08, 0.15, 0.15), (0.5, 1, -0.3)),
    "swing_back": ((0.12, 0.42, -0.70), (0.06, 0.12, 0.10), (0.4, 1, 0.2)),
    "guard": ((-0.10, -0.45, -0.10), (0.12, 0.12, 0.15), (0.7, 0.3, -0.8)),
}


def sample_wrist(gesture: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Wrist target and elbow pole, (3,) each, of a gesture; "any" reaches anywhere in front."""
    if gesture == "any":
        wrist = rng.normal((0.25, -0.35, 0.0), (0.4, 0.35, 0.55))
        wrist *= rng.uniform(0.45, 0.98) / max(length(wrist), 1e-6)
        return wrist, rng.normal((0.7, 0.2, -0.6), 0.3)
    mean, spread, pole = GESTURES[gesture]
    return rng.normal(mean, spread), rng.normal(pole, 0.2)


def elbow_of(wrist: np.ndarray, pole: np.ndarray, upper: float, lower: float) -> np.ndarray:
    """Where the elbow is, (3,), for a shoulder at the origin.

    Args:
        wrist: wanted wrist, (3,); pulled in where the arm is too short, out where too close.
        pole: direction that the elbow points to, (3,).
        upper: length of the upper arm.
        lower: length of the forearm.
    """
    distance = clamp(length(wrist), abs(upper - lower) + 0.35 * lower, 0.995)
    direction = wrist / length(wrist)
    along = (distance**2 + upper**2 - lower**2) / (2 * distance)
    out = pole - direction * (pole @ direction)
    out /= length(out) + 1e-9
    return direction * along + out * math.sqrt(max(upper**2 - along**2, 0))


def pose_arm(
    model: BodyModel, rotations: np.ndarray, side: str, wrist: np.ndarray, pole: np.ndarray
) -> None:
    """Write the rotations of one arm into the array (J, 3, 3), so that its hand gets there."""
    bones, sign = model.bones, 1.0 if side == "L" else -1.0
    joints = model.mean[-len(model.parents) :]
    shoulder = joints[bones[f"upperarm01.{side}"]]
    to_elbow = joints[bones[f"lowerarm01.{side}"]] - shoulder
    to_wrist = joints[bones[f"wrist.{side}"]] - joints[bones[f"lowerarm01.{side}"]]
    upper, lower = length(to_elbow), length(to_wrist)
    upper, lower = upper / (upper + lower), lower / (upper + lower)
    mirror = np.array([sign, 1.0, 1.0])
    wrist, pole = wrist * mirror, pole * mirror
    elbow = elbow_of(wrist, pole, upper, lower)
    distance = clamp(length(wrist), abs(upper - lower) + 0.35 * lower, 0.995)
    reached = wrist / length(wrist) * distance
    lift = -sign * clamp(25 * elbow[2] / upper, -4, 22)  # a raised arm lifts the shoulder
    clavicle = rot_y(lift)
    turn = shortest_rotation(to_elbow, elbow)
    forearm = shortest_rotation(turn @ to_wrist, reached - elbow) @ turn
    rotations[bones[f"clavicle.{side}"]] = clavicle
    rotations[bones[f"upperarm01.{side}"]] = clavicle.T @ turn
    rotations[bones[f"lowerarm01.{side}"]] = turn.T @ forearm
