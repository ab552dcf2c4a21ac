"""Small rotation matrices. Angles in degrees, vectors as columns, right-handed."""

import math

import numpy as np


def clamp(value: float, low: float, high: float) -> float:
    """A number kept within [low, high]; NumPy's clip takes twenty times as long on one."""
    return min(max(value, low), high)


def length(vector: np.ndarray) -> float:
    """Length of one vector."""
    return math.sqrt(vector @ vector)


def rot_x(degrees: float) -> np.ndarray:
    """About x: a positive angle bends the trunk forward, a negative one lifts the thigh."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]], np.float32)


def rot_y(degrees: float) -> np.ndarray:
    """About y: bends the trunk to its left (+x), swings legs to the right."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)


def rot_z(degrees: float) -> np.ndarray:
    """About z: turns to the left, seen by the person."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)


def shortest_rotation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) by the smallest angle that turns direction source to target, (3,)."""
    a, b = source / length(source), target / length(target)
    axis = np.array(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )
    cosine = float(a @ b)
    if cosine < -0.9999:  # opposite: any half turn about a perpendicular axis will do
        nearest_upright = np.eye(3)[np.abs(a).argmin()]
        axis = nearest_upright - a * (a @ nearest_upright)
        axis /= length(axis)
        return (2 * np.outer(axis, axis) - np.eye(3)).astype(np.float32)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return (np.eye(3) + k + k @ k / (1 + cosine)).astype(np.float32)
