"""Render one scene: the order of things, from an empty background to a photo with annotations."""

from dataclasses import dataclass

import cv2
import numpy as np

from bmp.synthcrowd import backdrop
from bmp.synthcrowd.annotate import annotate_person, joint_visibility
from bmp.synthcrowd.body import BodyModel, load_body_model, vertex_normals
from bmp.synthcrowd.camera import NEAR, Camera
from bmp.synthcrowd.clothing import (
    HAIR,
    SHOES,
    SKIN,
    Outfit,
    dress,
    label_points,
    sample_outfit,
    surface_colours,
    worn_faces,
)
from bmp.synthcrowd.effects import photograph, soften_edges
from bmp.synthcrowd.layout import Placed, max_pairwise_iou, sample_crowding, sample_layout
from bmp.synthcrowd.lighting import (
    Light,
    cast_shadows,
    contact_dark,
    sample_light,
    shade,
)
from bmp.synthcrowd.raster import gradients, interpolate, rasterise
from bmp.synthcrowd.settings import SceneSettings
from bmp.synthcrowd.textures import smooth_noise

OCCLUDER = -2  # in the owner map; -1 is the background
ATTEMPTS = 40  # layouts tried until one is as crowded as asked


@dataclass(frozen=True)
class Drawn:
    """What the rasteriser left.

    Attributes:
        owners: (H, W) int32, index of the person seen, -1 background, -2 an occluder.
        triangles: (H, W) int32, row of the scene's triangles seen, -1 none.
        inverse_depths: (H, W) float32, 1/m, 0 at the background.
        attributes: (T, 3, 6) gradients of normal and canonical coordinates.
        parts: (T,) body part of each triangle.
    """

    owners: np.ndarray
    triangles: np.ndarray
    inverse_depths: np.ndarray
    attributes: np.ndarray
    parts: np.ndarray


def render_scene(
    seed: int | tuple[int, ...], settings: SceneSettings | None = None
) -> tuple[np.ndarray, list[dict]]:
    """Render a crowd with exact annotations.

    Args:
        seed: a number, or several (as `write_dataset` does: data-set seed, image); the same seed
            and settings give the same result.
        settings: what the scene may look like; the defaults of `SceneSettings` if None.

    Returns:
        The image (H, W, 3) uint8 BGR, and one COCO annotation a visible person (see
        `annotate_person`), without `id` and `image_id`; pixel centres lie on whole numbers. A
        person with fewer than 16 visible pixels is not annotated.

    Raises:
        RuntimeError: no layout with the asked crowding was found (crowding 1 in a tiny image).
    """
    settings = settings or SceneSettings()
    rng = np.random.default_rng(seed)
    model, photos = load_body_model(), backdrop.load_photos()
    crowding = sample_crowding(rng, settings)
    for _ in range(ATTEMPTS):
        people, camera = sample_layout(model, rng, settings, crowding)
        outfits = [sample_outfit(rng, photos) for _ in people]
        drawn = _draw(model, people, outfits, camera, settings)
        drawn, things = _occlude(rng, drawn, people, camera, settings)
        annotations = _annotate(people, camera, drawn)
        if _is_as_crowded_as_asked(annotations, crowding):
            image = _paint(rng, model, people, outfits, camera, drawn, things, settings)
            return image, annotations
    raise RuntimeError(
        f"no scene of crowding {crowding} in {ATTEMPTS} tries; use a larger image or max_people"
    )


def annotation_max_iou(annotations: list[dict]) -> float:
    """Largest IoU between two annotated boxes of an image: OCHuman's measure of crowding."""
    boxes = [np.array(a["bbox"]) for a in annotations]
    return max_pairwise_iou([np.concatenate([b[:2], b[:2] + b[2:]]) for b in boxes])


def _is_as_crowded_as_asked(annotations: list[dict], crowding: float) -> bool:
    if crowding == 1:
        return annotation_max_iou(annotations) > 0.5
    return len(annotations) > 0 and (crowding > 0 or annotation_max_iou(annotations) <= 0.1)


def _draw(
    model: BodyModel,
    people: list[Placed],
    outfits: list[Outfit],
    camera: Camera,
    settings: SceneSettings,
) -> Drawn:
    """Rasterise everybody at once."""
    corners, depths, attributes, parts, owners = [], [], [], [], []
    for number, (person, outfit) in enumerate(zip(people, outfits, strict=True)):
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
    seen = np.unique(triangles[triangles >= 0])
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
    keep = worn_faces(outfit, model) & (points[:, 2] > NEAR)[model.faces].all(1)
    faces, parts = model.faces[keep], model.face_parts[keep]
    x, y = (points[:, :2] / points[:, 2:]).T
    ax, bx, cx = x[faces].T
    ay, by, cy = y[faces].T
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    front = (area < 0) | (parts >= model.parts["skirt"])  # y points down: outside is clockwise
    return faces[front], parts[front]


def _occlude(
    rng: np.random.Generator,
    drawn: Drawn,
    people: list[Placed],
    camera: Camera,
    settings: SceneSettings,
) -> tuple[Drawn, list[np.ndarray]]:
    """Put things before people.

    Returns:
        The drawn scene with owner -2 where a thing is nearest, and the visible mask of each thing.
    """
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
    drawn = Drawn(owners, drawn.triangles, inverse, drawn.attributes, drawn.parts)
    return drawn, things


def _annotate(people: list[Placed], camera: Camera, drawn: Drawn) -> list[dict]:
    """COCO annotations of everybody who can be seen."""
    with np.errstate(divide="ignore"):
        depths = 1 / drawn.inverse_depths
    annotations = []
    for number, person in enumerate(people):
        joints = camera.to_camera(person.keypoints)
        screen = camera.project(joints)
        visibility = joint_visibility(screen, joints[:, 2], number, drawn.owners, depths)
        annotation = annotate_person(drawn.owners == number, screen, visibility)
        if annotation is not None:
            annotations.append(annotation)
    return annotations


def _paint(
    rng: np.random.Generator,
    model: BodyModel,
    people: list[Placed],
    outfits: list[Outfit],
    camera: Camera,
    drawn: Drawn,
    things: list[np.ndarray],
    settings: SceneSettings,
) -> np.ndarray:
    """Colours: background, clutter, shadows, people, occluders, then the camera's effects."""
    width, height = settings.width, settings.height
    photos = backdrop.load_photos()
    image = backdrop.sample_background(rng, photos, width, height)
    for _ in range(rng.poisson(settings.clutter)):
        outline = backdrop.sample_object(rng, width, height, rng.uniform(0.1, 0.5) * height)
        mask = backdrop.object_mask(outline, width, height)
        backdrop.paint_object(rng, photos, image, mask)
    for person in people:
        if person.activity == "sit" and rng.random() < 0.65:
            screen = camera.project(camera.to_camera(person.keypoints))
            seat = backdrop.sample_seat(rng, screen[11:13].mean(0), screen[15:17, 1].max())
            mask = backdrop.object_mask(seat, width, height)
            backdrop.paint_object(rng, photos, image, mask)
    light = sample_light(rng, camera.rotation, float(image.mean()))
    cast_shadows(image, [_shadow(person, camera) for person in people], rng.uniform(0.15, 0.6))
    dark = contact_dark(drawn.inverse_depths)
    wrinkles = smooth_noise(rng, 16)
    for number, outfit in enumerate(outfits):
        pixels = np.nonzero(drawn.owners == number)
        if len(pixels[0]):
            colours = _shade_person(model, outfit, drawn, light, pixels, wrinkles)
            image[pixels] = colours * dark[pixels][:, None]
    for mask in things:
        backdrop.paint_object(rng, photos, image, mask & (drawn.owners == OCCLUDER))
    levels = cv2.convertScaleAbs(np.maximum(image, 0), alpha=255)
    return photograph(rng, soften_edges(levels, drawn.owners))


def _shadow(person: Placed, camera: Camera) -> tuple[np.ndarray, float]:
    """Screen position and half width (px) of the shadow under a person."""
    low, high = person.vertices.min(0), person.vertices.max(0)
    ground = np.array([[(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, 0]], np.float32)
    point = camera.to_camera(ground)
    depth = max(float(point[0, 2]), NEAR)
    return camera.project(point)[0], 0.6 * float(high[0] - low[0]) * camera.focal / depth


def _shade_person(
    model: BodyModel,
    outfit: Outfit,
    drawn: Drawn,
    light: Light,
    pixels: tuple[np.ndarray, np.ndarray],
    wrinkles: np.ndarray,
) -> np.ndarray:
    """Colours (N, 3) of the pixels (rows, columns) of one person."""
    rows, columns = pixels
    triangles = drawn.triangles[pixels]
    values = interpolate(
        drawn.attributes, triangles, columns.astype(np.float32), rows.astype(np.float32)
    )
    normals, canonical = values[:, :3], values[:, 3:]
    labels = label_points(outfit, canonical, drawn.parts[triangles], model.parts)
    colours = surface_colours(outfit, canonical, labels)
    u = (canonical[:, 0] * 260 + canonical[:, 1] * 190 + 999).astype(np.int32) % len(wrinkles)
    v = (canonical[:, 2] * 150 + canonical[:, 0] * 60 + 999).astype(np.int32) % len(wrinkles)
    relief = wrinkles[v, u] - 0.5
    cloth = (labels != SKIN) & (labels != SHOES)
    normals = normals + (relief * np.where(cloth, 0.42, 0.04))[:, None] * light.up
    gloss = np.array([0.10, 0.01, 0.01, 0.12, 0.10, 0.02, 0.0, 0.01], np.float32)[labels]
    strands = np.where(labels == HAIR, 1 + 0.5 * relief, 1)[:, None]
    return shade(light, colours * strands, normals, gloss)
