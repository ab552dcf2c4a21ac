"""Meshes added to the body: a skirt, long hair and a hat, skinned to the same joints.

Each is a grid around the mean body; scenes draw only the parts that a person wears.
Frame: as in `body.py` (metres, z up, facing -y).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Attachment:
    """A mesh with skinning weights; both sides of its faces are drawn."""

    name: str
    vertices: np.ndarray  # (N, 3)
    faces: np.ndarray  # (F, 3)
    skin_index: np.ndarray  # (N, 6)
    skin_weight: np.ndarray  # (N, 6)


def make_attachments(body: np.ndarray, bones: dict[str, int]) -> list[Attachment]:
    """Skirt, long hair and hat for the mean body (V, 3)."""
    return [_skirt(bones), _long_hair(bones), _hat(body, bones)]


def _grid_faces(num_rows: int, num_columns: int, closed: bool) -> np.ndarray:
    """Triangles of a grid of rows of vertices; closed joins the last column to the first."""
    row, column = np.meshgrid(
        np.arange(num_rows - 1), np.arange(num_columns - (not closed)), indexing="ij"
    )
    right = (column + 1) % num_columns
    a, b = row * num_columns + column, row * num_columns + right
    c, d = a + num_columns, b + num_columns
    return np.stack([a, c, b, b, c, d], -1).reshape(-1, 3)


def _weights(columns: list[tuple[int, np.ndarray]], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Skinning arrays (N, 6) from (bone, weight of each vertex) pairs."""
    index, weight = np.zeros((count, 6), int), np.zeros((count, 6), np.float32)
    for slot, (bone, values) in enumerate(columns):
        index[:, slot], weight[:, slot] = bone, values
    return index, weight


def _skirt(bones: dict[str, int]) -> Attachment:
    """A cone from the waist to the ankles; its hem follows both thighs and a little the shins."""
    z = np.linspace(0.09, -0.72, 10)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rx = np.interp(z, [-0.75, -0.4, -0.05, 0.09], [0.31, 0.27, 0.205, 0.165])
    ry = np.interp(z, [-0.75, -0.4, -0.05, 0.09], [0.21, 0.18, 0.155, 0.125])
    fold = 1 + 0.06 * np.sin(angle * 6)[None] * np.linspace(0, 1, len(z))[:, None]
    x = rx[:, None] * np.cos(angle) * fold
    y = ry[:, None] * np.sin(angle) * fold + 0.005
    vertices = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], -1).reshape(-1, 3)
    x, z = vertices[:, 0], vertices[:, 2]
    root = np.interp(z, [-0.4, 0.05], [0.15, 1.0])
    shin = np.interp(z, [-0.75, -0.42], [0.5, 0.0])
    left = 1 / (1 + np.exp(-x / 0.07))
    leg = 1 - root - shin * (1 - root)
    columns = [(bones["root"], root)]
    for side, share in (("L", left), ("R", 1 - left)):
        columns.append((bones[f"upperleg01.{side}"], leg * share))
        columns.append((bones[f"lowerleg01.{side}"], shin * (1 - root) * share))
    index, weight = _weights(columns, len(vertices))
    faces = _grid_faces(10, 24, closed=True)
    return Attachment("skirt", vertices.astype(np.float32), faces, index, weight)


def _long_hair(bones: dict[str, int]) -> Attachment:
    """A curtain round the back of the head, from ear to ear, down over the shoulders."""
    z = np.linspace(0.735, 0.36, 9)
    angle = np.radians(np.linspace(-35, 215, 16))  # 90 degrees is the back
    rx = np.interp(z, [0.36, 0.5, 0.62, 0.7, 0.735], [0.13, 0.115, 0.095, 0.09, 0.08])
    ry = np.interp(z, [0.36, 0.5, 0.62, 0.7, 0.735], [0.10, 0.105, 0.11, 0.11, 0.10])
    y0 = np.interp(z, [0.36, 0.5, 0.62, 0.735], [0.025, 0.0, -0.015, -0.02])
    x = rx[:, None] * np.cos(angle)
    y = ry[:, None] * np.sin(angle) + y0[:, None]
    vertices = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], -1).reshape(-1, 3)
    z = vertices[:, 2]
    head = np.interp(z, [0.4, 0.62], [0.0, 1.0])
    columns = [(bones["head"], head), (bones["spine01"], 0.8 * (1 - head))]
    columns.append((bones["neck01"], 0.2 * (1 - head)))
    index, weight = _weights(columns, len(vertices))
    faces = _grid_faces(9, 16, closed=False)
    return Attachment("long_hair", vertices.astype(np.float32), faces, index, weight)


def _hat(body: np.ndarray, bones: dict[str, int]) -> Attachment:
    """A dome over the head with a brim, longest at the front."""
    crown = body[body[:, 2] > 0.70]
    center = (crown[:, :2].min(0) + crown[:, :2].max(0)) / 2
    radius = (crown[:, :2].max(0) - crown[:, :2].min(0)) / 2 + 0.012
    top = body[:, 2].max() + 0.02
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    forward = np.maximum(-np.sin(angle), 0)
    rings = [(np.full(20, s), z) for s, z in ((0.0, top), (0.55, top - 0.012), (0.9, top - 0.05))]
    rings += [(np.full(20, 1.02), 0.705), (1.02 + 0.75 * forward**2 + 0.02, 0.697)]
    rows = []
    for scale, z in rings:
        x = center[0] + radius[0] * np.cos(angle) * np.minimum(scale, 1.1)
        y = center[1] + radius[1] * np.sin(angle) * scale
        rows.append(np.stack([x, y, np.full(20, z)], -1))
    vertices = np.concatenate(rows)
    index, weight = _weights([(bones["head"], np.ones(len(vertices)))], len(vertices))
    faces = _grid_faces(len(rows), 20, closed=True)
    return Attachment("hat", vertices.astype(np.float32), faces, index, weight)
