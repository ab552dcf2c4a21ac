"""Natural poses from plausible joint angles: what people do in photographs.

An activity draws a stance (legs, trunk) and a gesture for each arm; both are jittered.
"""

import math
from dataclasses import dataclass

import numpy as np

from bmp.synthcrowd.arms import pose_arm, sample_wrist
from bmp.synthcrowd.body import BodyModel
from bmp.synthcrowd.rotations import clamp, rot_x, rot_y, rot_z


@dataclass(frozen=True)
class Leg:
    """Angles of a leg, degrees: thigh forward, thigh outward, knee bend, turned out."""

    forward: float
    outward: float
    knee: float
    turned: float = 0.0


@dataclass(frozen=True)
class Stance:
    """Legs (left, right) and trunk; the pelvis tilts by `tilt`, the spine bends by `bend`."""

    legs: tuple[Leg, Leg]
    tilt: float = 0.0
    bend: float = 0.0
    side: float = 0.0
    twist: float = 0.0
    lying: float = 0.0  # degrees the whole body is tipped backward
    lift: float = 0.0  # metres above the ground


@dataclass(frozen=True)
class Pose:
    """Rotations (J, 3, 3) of the joints, height above the ground (m) and the activity's name."""

    rotations: np.ndarray
    lift: float
    activity: str


ANY_ARMS = ("hang", "hip", "hold", "belly", "face", "ear", "wave", "side", "reach", "any", "any")
# activity: (share, gestures that suit it)
ACTIVITIES: dict[str, tuple[float, tuple[str, ...]]] = {
    "stand": (30, ("hang", "hang", "hang", *ANY_ARMS, "folded", "back")),
    "walk": (12, ("swing", "swing", "swing", "hold", "hang", "ear", "any")),
    "run": (7, ("swing_bent", "swing_bent", "guard", "any")),
    "sit": (18, ("knee", "knee", "hold", "hold", "face", "belly", "reach", "any")),
    "crouch": (4, ("knee", "reach", "hold", "any")),
    "kneel": (3, ("knee", "reach", "hold", "any")),
    "bend": (6, ("reach", "knee", "hold", "hang", "any")),
    "sport": (12, ("reach", "guard", "side", "up", "wave", "any", "any")),
    "kick": (4, ("side", "guard", "any", "up")),
    "jump": (3, ("up", "side", "wave", "any")),
    "lie": (2, ("hang", "up", "side", "any")),
}


def _leg(rng: np.random.Generator, forward: float, outward: float, knee: float, jitter=6.0) -> Leg:
    """A leg about the given angles; the knee never bends the wrong way."""
    f, o, k = rng.normal((forward, outward, knee), (jitter, jitter * 0.6, jitter))
    return Leg(f, o, max(k, 0.0), rng.normal(5, 7))


def _standing(rng: np.random.Generator) -> Stance:
    resting = _leg(rng, rng.uniform(0, 14), rng.uniform(-4, 8), rng.uniform(3, 28), 3)
    legs = [_leg(rng, 0, rng.uniform(-6, 6), 3, 3), resting]
    if rng.random() < 0.5:
        legs.reverse()
    return Stance((legs[0], legs[1]), rng.normal(2, 5), rng.normal(3, 7), *rng.normal(0, 5, 2))


def _striding(rng: np.random.Generator, pace: float) -> Stance:
    """A step; pace 0 walks, 1 sprints. The left leg is the front one half of the time."""
    front = _leg(rng, rng.uniform(12, 28) + 40 * pace, 0, rng.uniform(3, 25) + 55 * pace)
    back = _leg(rng, -rng.uniform(8, 24), 0, rng.uniform(5, 40) + 55 * pace)
    legs = (front, back) if rng.random() < 0.5 else (back, front)
    twist = 8 if legs[0] is back else -8
    lean = rng.normal(3 + 10 * pace, 4)
    return Stance(legs, lean, rng.normal(4, 5), rng.normal(0, 3), twist, lift=0.08 * pace)


def _sitting(rng: np.random.Generator) -> Stance:
    lean, spread = rng.normal(-2, 9), rng.uniform(-4, 24)
    knee = rng.choice([85, 60, 100, 15], p=[0.55, 0.2, 0.2, 0.05])
    legs = tuple(_leg(rng, 84, spread, knee, 8) for _ in range(2))
    return Stance(legs, lean, rng.normal(10, 13), rng.normal(0, 6), rng.normal(0, 10))


def _crouching(rng: np.random.Generator) -> Stance:
    forward, knee = rng.uniform(75, 120), rng.uniform(95, 140)
    legs = tuple(_leg(rng, forward, rng.uniform(0, 22), knee, 7) for _ in range(2))
    return Stance(legs, rng.uniform(0, 30), rng.uniform(0, 35), *rng.normal(0, 6, 2))


def _kneeling(rng: np.random.Generator) -> Stance:
    down = _leg(rng, rng.uniform(-5, 20), 4, rng.uniform(80, 110))
    up = _leg(rng, 85, 10, 85) if rng.random() < 0.6 else down
    legs = (down, up) if rng.random() < 0.5 else (up, down)
    return Stance(legs, rng.uniform(-5, 20), rng.normal(10, 12), *rng.normal(0, 7, 2))


def _bending(rng: np.random.Generator) -> Stance:
    knee = rng.uniform(0, 35)
    legs = tuple(_leg(rng, knee / 2, rng.uniform(-2, 12), knee) for _ in range(2))
    return Stance(legs, rng.uniform(15, 65), rng.uniform(15, 45), *rng.normal(0, 8, 2))


def _playing(rng: np.random.Generator) -> Stance:
    depth = rng.uniform(0, 1)
    legs = tuple(
        _leg(rng, rng.normal(10 + 40 * depth, 14), rng.uniform(5, 26), 15 + 60 * depth, 10)
        for _ in range(2)
    )
    return Stance(legs, rng.normal(8 + 22 * depth, 9), rng.normal(10, 10), *rng.normal(0, 14, 2))


def _kicking(rng: np.random.Generator) -> Stance:
    raised = _leg(rng, rng.uniform(-30, 95), rng.uniform(0, 35), rng.uniform(0, 90))
    legs = (raised, _leg(rng, 2, 0, 8)) if rng.random() < 0.5 else (_leg(rng, 2, 0, 8), raised)
    return Stance(legs, rng.normal(0, 12), rng.normal(4, 8), *rng.normal(0, 9, 2))


def _jumping(rng: np.random.Generator) -> Stance:
    legs = tuple(
        _leg(rng, rng.uniform(-25, 60), rng.uniform(0, 25), rng.uniform(5, 100)) for _ in range(2)
    )
    lift = rng.uniform(0.1, 0.6)
    return Stance(legs, rng.normal(0, 12), rng.normal(0, 12), *rng.normal(0, 10, 2), lift=lift)


def _lying(rng: np.random.Generator) -> Stance:
    legs = tuple(_leg(rng, rng.uniform(0, 50), 8, rng.uniform(0, 80)) for _ in range(2))
    lying = rng.choice([-1, 1]) * rng.uniform(65, 95)
    return Stance(legs, 0, rng.normal(0, 10), *rng.normal(0, 8, 2), lying=lying)


STANCES = {
    "stand": _standing,
    "walk": lambda rng: _striding(rng, rng.uniform(0, 0.25)),
    "run": lambda rng: _striding(rng, rng.uniform(0.5, 1)),
    "sit": _sitting,
    "crouch": _crouching,
    "kneel": _kneeling,
    "bend": _bending,
    "sport": _playing,
    "kick": _kicking,
    "jump": _jumping,
    "lie": _lying,
}


def sample_pose(model: BodyModel, rng: np.random.Generator, activity: str | None = None) -> Pose:
    """Draw a pose, of the given activity (a key of ACTIVITIES) or of any by its share."""
    if activity is None:
        shares = np.array([share for share, _ in ACTIVITIES.values()])
        activity = str(rng.choice(list(ACTIVITIES), p=shares / shares.sum()))
    if activity not in ACTIVITIES:
        raise ValueError(f"unknown activity {activity!r}, choose one of {', '.join(ACTIVITIES)}")
    stance = STANCES[activity](rng)
    rotations = np.tile(np.eye(3, dtype=np.float32), (len(model.parents), 1, 1))
    _pose_trunk(model, rotations, stance, rng)
    for side, leg in zip("LR", stance.legs, strict=True):
        _pose_leg(model, rotations, side, leg, stance.tilt, rng)
    for side, gesture in zip("LR", _gestures(activity, stance, rng), strict=True):
        wrist, pole = sample_wrist(gesture, rng)
        pose_arm(model, rotations, side, wrist, pole)
        hand = rot_x(rng.normal(0, 12)) @ rot_y(rng.normal(0, 12))
        rotations[model.bones[f"wrist.{side}"]] = hand
    return Pose(rotations, stance.lift, activity)


def _gestures(activity: str, stance: Stance, rng: np.random.Generator) -> tuple[str, str]:
    """Gestures of the left and right arm: alike half of the time, opposite the legs in a step."""
    choices = ACTIVITIES[activity][1]
    left = str(rng.choice(choices))
    right = left if rng.random() < 0.5 or left == "folded" else str(rng.choice(choices))
    left_leads = stance.legs[0].forward > stance.legs[1].forward
    names = {True: "swing_back", False: "swing_front"}
    if left.startswith("swing"):
        left = names[left_leads]
    if right.startswith("swing"):
        right = names[not left_leads]
    return left, right if right != "folded" or left == "folded" else "hang"


def _pose_trunk(
    model: BodyModel, rotations: np.ndarray, stance: Stance, rng: np.random.Generator
) -> None:
    """Pelvis, spine (the bend shared by five joints), neck and head."""
    bones = model.bones
    rotations[bones["root"]] = rot_x(stance.lying) @ rot_x(stance.tilt)
    joint = rot_x(stance.bend / 5) @ rot_y(stance.side / 5) @ rot_z(stance.twist / 5)
    for name in ("spine05", "spine04", "spine03", "spine02", "spine01"):
        rotations[bones[name]] = joint
    wide = 1.6 if rng.random() < 0.2 else 1.0
    yaw = clamp(rng.normal(0, 22 * wide), -65, 65)
    # people look ahead: the neck takes back part of what the trunk bends
    pitch = rng.normal(4, 10 * wide) - 0.45 * clamp(stance.tilt + stance.bend, -20, 80)
    head = rot_z(yaw / 4) @ rot_x(pitch / 4) @ rot_y(rng.normal(0, 6) / 4)
    for name in ("neck01", "neck02", "neck03", "head"):
        rotations[bones[name]] = head


def _pose_leg(
    model: BodyModel,
    rotations: np.ndarray,
    side: str,
    leg: Leg,
    tilt: float,
    rng: np.random.Generator,
) -> None:
    """Hip, knee and ankle. The thigh takes back the pelvis tilt; the foot stays about level."""
    bones, sign = model.bones, 1.0 if side == "L" else -1.0
    forward = clamp(leg.forward + tilt, -45, 135)
    inward = 7.0  # the mesh rests with its legs apart
    raised = math.sin(math.radians(clamp(forward, 0, 90)))
    spread = rot_z(sign * leg.outward * raised) @ rot_y(
        sign * (inward - leg.outward * (1 - raised))
    )
    rotations[bones[f"upperleg01.{side}"]] = spread @ rot_x(-forward) @ rot_z(sign * leg.turned)
    rotations[bones[f"lowerleg01.{side}"]] = rot_x(clamp(leg.knee, 0, 145))
    level = clamp(forward - tilt - leg.knee, -30, 35)
    rotations[bones[f"foot.{side}"]] = rot_x(level + rng.normal(0, 6))
