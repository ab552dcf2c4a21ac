"""The human body of the scenes: anny_lite's mesh with a skirt, hair and a hat added.

Frame: metres, z up, the person faces -y with the left side at +x; the origin is between the hips.
Model and formula: `assets/anny_lite/README.md` (MakeHuman CC0 mesh, Apache-2.0 regressor).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from bmp.synthcrowd.attachments import Attachment, make_attachments

ASSETS = Path(__file__).parent / "assets"
NUM_KEYPOINTS = 17  # COCO; the model's feet keypoints are left out


@dataclass(frozen=True)
class BodyModel:
    """The arrays of the mesh. V vertices (attachments included), F faces, J joints.

    Attributes:
        mean, basis: (V + 17 + J, 3) and (16, V + 17 + J, 3): vertices, keypoints, joints.
        coef_samples: (S, 16) ready shapes.
        faces: (F, 3) vertex indices, counter-clockwise seen from outside.
        face_parts: (F,) index into part_names.
        vertex_parts: (V,) part of one of the faces of each vertex.
        vertex_faces: (V, F) sparse, 1 where a face touches a vertex.
        skin_weights: (V + 17, J) sparse, share of each joint in each vertex and keypoint.
    """

    mean: np.ndarray
    basis: np.ndarray
    coef_samples: np.ndarray
    faces: np.ndarray
    face_parts: np.ndarray
    vertex_parts: np.ndarray
    vertex_faces: csr_array
    skin_weights: csr_array
    parents: np.ndarray
    bones: dict[str, int]
    parts: dict[str, int]

    @property
    def num_vertices(self) -> int:
        """V."""
        return len(self.vertex_parts)

    @property
    def num_body(self) -> int:
        """Vertices of the body itself; they come first."""
        return int(np.argmax(self.vertex_parts == self.parts["skirt"]))

    @property
    def canonical(self) -> np.ndarray:
        """Mean-shape vertices (V, 3): the body-fixed coordinates that clothes are defined in."""
        return self.mean[: self.num_vertices]


@cache
def load_body_model() -> BodyModel:
    """Read the model once.

    Raises:
        FileNotFoundError: the package was installed without its assets.
    """
    path = ASSETS / "anny_lite" / "anny_lite.npz"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: reinstall the package so that its data files come with it"
        )
    with np.load(path) as archive:
        arrays = dict(archive)
    bones = {str(name): i for i, name in enumerate(arrays["bone_names"])}
    num_vertices = int(arrays["num_vertices"])
    attachments = make_attachments(arrays["mean"][:num_vertices].astype(np.float32), bones)
    return _assemble(arrays, bones, attachments)


def _assemble(arrays: dict, bones: dict[str, int], attachments: list[Attachment]) -> BodyModel:
    """Append the attachments to the body's arrays."""
    num_body = int(arrays["num_vertices"])
    end_keypoints = num_body + int(arrays["num_keypoints"])
    rows = np.r_[
        num_body : num_body + NUM_KEYPOINTS, end_keypoints : end_keypoints + len(bones)
    ]  # keypoints of COCO, joints
    mean, basis = arrays["mean"].astype(np.float32), arrays["basis"].astype(np.float32)
    index, weight = arrays["skin_index"].astype(int), arrays["skin_weight"].astype(np.float32)

    vertices = np.concatenate([mean[:num_body], *(a.vertices for a in attachments)])
    near = [_nearest(a.vertices, mean[:num_body], 8) for a in attachments]
    moves = [basis[:, n].mean(2) for n in near]  # an attachment grows as the body under it
    skin_index = np.concatenate([index[:num_body], *(a.skin_index for a in attachments)])
    skin_weight = np.concatenate([weight[:num_body], *(a.skin_weight for a in attachments)])
    keypoint_rows = slice(num_body, num_body + NUM_KEYPOINTS)
    skin_weight = np.concatenate([skin_weight, weight[keypoint_rows]])

    parts = [str(name) for name in arrays["part_names"]]
    faces, face_parts, offset = [arrays["faces"].astype(int)], [arrays["face_part"]], num_body
    for attachment in attachments:
        faces.append(attachment.faces + offset)
        face_parts.append(np.full(len(attachment.faces), len(parts), np.uint8))
        parts.append(attachment.name)
        offset += len(attachment.vertices)
    faces, face_parts = np.concatenate(faces), np.concatenate(face_parts)
    vertex_parts = np.zeros(len(vertices), np.uint8)
    vertex_parts[faces.ravel()] = face_parts.repeat(3)
    touches = (np.ones(faces.size, np.float32), (faces.ravel(), np.arange(faces.size) // 3))
    skin_weights = np.zeros((len(skin_weight), len(bones)), np.float32)
    skin_index = np.concatenate([skin_index, index[keypoint_rows]])
    np.add.at(skin_weights, (np.arange(len(skin_weight))[:, None], skin_index), skin_weight)
    return BodyModel(
        mean=np.concatenate([vertices, mean[rows]]),
        basis=np.concatenate([basis[:, :num_body], *moves, basis[:, rows]], 1),
        coef_samples=arrays["coef_samples"].astype(np.float32),
        faces=faces,
        face_parts=face_parts,
        vertex_parts=vertex_parts,
        vertex_faces=csr_array(touches, shape=(len(vertices), len(faces))),
        skin_weights=csr_array(skin_weights / skin_weights.sum(1, keepdims=True)),
        parents=arrays["bone_parents"].astype(int),
        bones=bones,
        parts={name: i for i, name in enumerate(parts)},
    )


def _nearest(points: np.ndarray, others: np.ndarray, count: int) -> np.ndarray:
    """Indices (N, count) of the others (M, 3) nearest to each point (N, 3)."""
    distances = np.square(points[:, None] - others[None]).sum(-1)
    return np.argsort(distances, 1, kind="stable")[:, :count]


def sample_shape(model: BodyModel, rng: np.random.Generator) -> np.ndarray:
    """Shape coefficients (16,) of a body between two of the ready ones."""
    first, second = model.coef_samples[rng.integers(len(model.coef_samples), size=2)]
    return first + rng.beta(0.6, 0.6) * (second - first)


def pose_body(
    model: BodyModel, coef: np.ndarray, rotations: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Linear blend skinning.

    Args:
        model: the mesh.
        coef: shape coefficients, (16,).
        rotations: of each joint about the world axes in the rest pose, (J, 3, 3).

    Returns:
        Vertices (V, 3) and keypoints (17, 3), metres.
    """
    # einsum, not @: products this small lose more to BLAS threads than they gain
    rest = model.mean + np.einsum("c,cvx->vx", coef, model.basis)
    skinned = model.num_vertices + NUM_KEYPOINTS
    joints = rest[skinned:]
    turns = np.empty((len(joints), 3, 3), np.float32)
    places = np.empty((len(joints), 3), np.float32)
    for joint, parent in enumerate(model.parents):
        if parent < 0:
            turns[joint], places[joint] = rotations[joint], joints[joint]
            continue
        turns[joint] = turns[parent] @ rotations[joint]
        places[joint] = places[parent] + turns[parent] @ (joints[joint] - joints[parent])
    shifts = places - np.einsum("jab,jb->ja", turns, joints)
    motions = np.concatenate([turns, shifts[..., None]], 2).reshape(len(joints), 12)
    motion = (model.skin_weights @ motions).reshape(skinned, 3, 4)
    posed = np.einsum("vab,vb->va", motion[..., :3], rest[:skinned]) + motion[..., 3]
    return posed[: model.num_vertices], posed[model.num_vertices :]


def vertex_normals(model: BodyModel, vertices: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) of posed vertices (V, 3), area-weighted over the faces around."""
    a, b, c = (vertices[corner] for corner in model.faces.T)
    normals = model.vertex_faces @ cross(b - a, c - a)
    lengths = np.sqrt(np.einsum("va,va->v", normals, normals))
    return normals / (lengths[:, None] + 1e-12)


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product of (N, 3) arrays; numpy's own is five times slower."""
    x = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    y = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    z = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return np.stack([x, y, z], 1)
