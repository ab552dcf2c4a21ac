"""What is seen of a scene: the rasteriser over all people, and things put before them."""

from dataclasses import dataclass, field, replace

import numpy as np

from bmp.synthcrowd import backdrop
from bmp.synthcrowd.body import BodyModel, load_body_model, vertex_normals
from bmp.synthcrowd.camera import NEAR, Camera
from bmp.synthcrowd.clothing import Outfit, dress, worn_faces
from bmp.synthcrowd.layout import Placed
from bmp.synthcrowd.raster import gradients, rasterise
from bmp.synthcrowd.settings import SceneSettings

OCCLUDER = -2  # in the owner map; -1 is the background


@dataclass(frozen=True)
class Scene:
    """Dressed people before a camera."""

    people: list[Placed]
    outfits: list[Outfit]
    camera: Camera
    settings: SceneSettings


@dataclass(frozen=True)
class Drawn:
    """What the rasteriser left.

    Attributes:
        owners: (H, W) int32, index of the person seen, -1 background, -2 an occluder.
        triangles: (H, W) int32, row of the scene's triangles seen, -1 none.
        inverse_depths: (H, W) float32, 1/m, 0 at the background.
        attributes: (T, 3, 6) gradients of normal and canonical coordinates.
        parts: (T,) body part of each triangle.
        things: visible mask (H, W) bool of each occluder when it was put there.
    """

    owners: np.ndarray
    triangles: np.ndarray
    inverse_depths: np.ndarray
    attributes: np.ndarray
    parts: np.ndarray
    things: list[np.ndarray] = field(default_factory=list)


def draw(scene: Scene) -> Drawn:
    """Rasterise everybody at once."""
    model, camera, settings = load_body_model(), scene.camera, scene.settings
    corners, depths, attributes, parts, owners = [], [], [], [], []
    for number, (person, outfit) in enumerate(zip(scene.people, scene.outfits, strict=True)):
        points = camera.to_camera(person.vertices)
        points = dress(outfit, model, points, vertex_normals(model, points))
        normals = vertex_normals(model, points)
        faces, face_parts = _seen_faces(model, outfit, points)
        surface = np.concatenate([normals, model.canonical], 1)
        corners.append(camera.project(points)[faces])
        depths.append(1 / points[:, 2][faces])
        attributes.append(surface[faces])
        parts.append(face_parts)
        owners.append(np.full(len(faces), number, np.int32))
    corners, depths = np.concatenate(corners).astype(np.float64), np.concatenate(depths)
    triangles, nearest = rasterise(corners, depths, settings.height, settings.width)
    seen = np.flatnonzero(np.bincount(triangles.ravel() + 1, minlength=len(corners) + 1)[1:])
    row = np.full(len(corners) + 1, -1, np.int32)
    row[seen] = np.arange(len(seen))
    coefficients = gradients(corners[seen], np.concatenate(attributes)[seen]).astype(np.float32)
    owner = np.append(np.concatenate(owners), -1)  # the last serves index -1
    return Drawn(
        owner[triangles].astype(np.int32),
        row[triangles],
        nearest,
        coefficients,
        np.concatenate(parts)[seen],
    )


def _seen_faces(
    model: BodyModel, outfit: Outfit, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Faces (F', 3) and parts (F',) that are worn, before the near plane and face the camera."""
    keep = worn_faces(outfit, model)
    if points[:, 2].min() <= NEAR:
        keep &= (points[:, 2] > NEAR)[model.faces].all(1)
    faces, parts = model.faces[keep], model.face_parts[keep]
    x, y = (points[:, :2] / points[:, 2:]).T
    ax, bx, cx = x[faces].T
    ay, by, cy = y[faces].T
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    front = (area < 0) | (parts >= model.parts["skirt"])  # y points down: outside is clockwise
    return faces[front], parts[front]


def occlude(rng: np.random.Generator, scene: Scene, drawn: Drawn) -> Drawn:
    """Put things before people: owner -2 wherever a thing is nearest."""
    people, camera, settings = scene.people, scene.camera, scene.settings
    width, height = settings.width, settings.height
    owners, inverse = drawn.owners.copy(), drawn.inverse_depths.copy()
    things = []
    for _ in range(rng.poisson(settings.occluders)):
        target = people[rng.integers(len(people))]
        joints = camera.to_camera(target.keypoints)
        screen = camera.project(joints)
        extent = np.clip(np.ptp(screen[:, 1]), 20, height) * rng.uniform(0.15, 0.6)
        if rng.random() < 0.2:
            outline = backdrop.sample_table(rng, width, height, screen[rng.choice([11, 12, 13]), 1])
        else:
            outline = backdrop.sample_object(rng, width, height, extent)
            at = screen[rng.integers(17)] + rng.normal(0, extent / 3, 2)
            outline = outline + (at - outline.mean(0)).round().astype(np.int32)
        mask = backdrop.object_mask(np.clip(outline, -9999, 9999), width, height)
        depth = max(float(joints[:, 2].min()) - 0.15, NEAR)
        mask &= inverse < 1 / depth
        hidden = (mask & (owners >= 0)).sum()
        if hidden > 0.45 * max((owners >= 0).sum(), 1):  # leave somebody to see
            continue
        owners[mask], inverse[mask] = OCCLUDER, 1 / depth
        things.append(mask)
    return replace(drawn, owners=owners, inverse_depths=inverse, things=things)
