"""Colours of a scene: background, clutter, shadows, people, occluders, the camera's effects."""

import cv2
import numpy as np

from bmp.synthcrowd import backdrop
from bmp.synthcrowd.body import load_body_model
from bmp.synthcrowd.camera import NEAR, Camera
from bmp.synthcrowd.clothing import HAIR, SHOES, SKIN, Outfit, label_points, surface_colours
from bmp.synthcrowd.drawing import OCCLUDER, Drawn, Scene
from bmp.synthcrowd.effects import photograph, soften_edges
from bmp.synthcrowd.layout import Placed
from bmp.synthcrowd.lighting import Light, cast_shadows, contact_dark, sample_light, shade
from bmp.synthcrowd.raster import interpolate
from bmp.synthcrowd.textures import smooth_noise


def paint(rng: np.random.Generator, scene: Scene, drawn: Drawn) -> np.ndarray:
    """The image (H, W, 3) uint8 BGR of a drawn scene."""
    image = _paint_backdrop(rng, scene)
    camera = scene.camera
    light = sample_light(rng, camera.rotation, float(image.mean()))
    shadows = [_shadow(person, camera) for person in scene.people]
    cast_shadows(image, shadows, rng.uniform(0.15, 0.6))
    dark = contact_dark(drawn.inverse_depths)
    wrinkles = smooth_noise(rng, 16)
    for number, outfit in enumerate(scene.outfits):
        pixels = np.flatnonzero(drawn.owners == number)
        if len(pixels):
            colours = _shade_person(outfit, drawn, light, pixels, wrinkles)
            image.reshape(-1, 3)[pixels] = colours * dark.take(pixels)[:, None]
    for mask in drawn.things:
        visible = mask & (drawn.owners == OCCLUDER)
        backdrop.paint_object(rng, backdrop.load_photos(), image, visible)
    levels = cv2.convertScaleAbs(image, alpha=255)
    return photograph(rng, soften_edges(levels, drawn.owners))


def _paint_backdrop(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """Background, clutter and seats, (H, W, 3) float32."""
    photos, settings = backdrop.load_photos(), scene.settings
    width, height = settings.width, settings.height
    image = backdrop.sample_background(rng, photos, width, height)
    outlines = []
    for _ in range(rng.poisson(settings.clutter)):
        extent = rng.uniform(0.1, 0.5) * height
        outlines.append(backdrop.sample_object(rng, width, height, extent))
    for person in scene.people:
        if person.activity == "sit" and rng.random() < 0.65:
            screen = scene.camera.project(scene.camera.to_camera(person.keypoints))
            hips, ground = screen[11:13].mean(0), screen[15:17, 1].max()
            outlines.append(backdrop.sample_seat(rng, hips, ground))
    for outline in outlines:
        mask = backdrop.object_mask(outline, width, height)
        backdrop.paint_object(rng, photos, image, mask)
    return image


def _shadow(person: Placed, camera: Camera) -> tuple[np.ndarray, float]:
    """Screen position and half width (px) of the shadow under a person."""
    low, high = person.vertices.min(0), person.vertices.max(0)
    ground = np.array([[(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, 0]], np.float32)
    point = camera.to_camera(ground)
    depth = max(float(point[0, 2]), NEAR)
    return camera.project(point)[0], 0.6 * float(high[0] - low[0]) * camera.focal / depth


def _shade_person(
    outfit: Outfit,
    drawn: Drawn,
    light: Light,
    pixels: np.ndarray,
    wrinkles: np.ndarray,
) -> np.ndarray:
    """Colours (N, 3) of the pixels of one person, flat indices (N,)."""
    rows, columns = np.divmod(pixels.astype(np.int32), drawn.owners.shape[1])
    triangles = drawn.triangles.take(pixels)
    values = interpolate(
        drawn.attributes, triangles, columns.astype(np.float32), rows.astype(np.float32)
    )
    normals, canonical = values[:, :3], values[:, 3:]
    labels = label_points(outfit, canonical, drawn.parts[triangles], load_body_model().parts)
    colours = surface_colours(outfit, canonical, labels)
    u = (canonical[:, 0] * 260 + canonical[:, 1] * 190 + 999).astype(np.int32) % len(wrinkles)
    v = (canonical[:, 2] * 150 + canonical[:, 0] * 60 + 999).astype(np.int32) % len(wrinkles)
    relief = wrinkles[v, u] - 0.5
    cloth = (labels != SKIN) & (labels != SHOES)
    depth = 0.42 * np.clip(np.sqrt(len(pixels)) / 130, 0.25, 1)  # far folds average out
    normals = normals + (relief * np.where(cloth, depth, 0.04))[:, None] * light.up
    gloss = np.array([0.10, 0.01, 0.01, 0.12, 0.10, 0.02, 0.0, 0.01], np.float32)[labels]
    strands = np.where(labels == HAIR, 1 + 0.5 * relief, 1)[:, None]
    return shade(light, colours * strands, normals, gloss)
