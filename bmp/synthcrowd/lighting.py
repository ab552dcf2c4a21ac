"""Light on surfaces: a sun, the sky, a little gloss, and the dark of near contact."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Light:
    """Light in camera coordinates.

    Attributes:
        direction: towards the light, (3,) unit.
        up: towards the sky, (3,) unit.
        direct, ambient: colour of each, (3,) BGR.
        wrap: 0 gives hard shading, 1 soft.
    """

    direction: np.ndarray
    up: np.ndarray
    direct: np.ndarray
    ambient: np.ndarray
    wrap: float


def sample_light(rng: np.random.Generator, camera_rotation: np.ndarray, level: float) -> Light:
    """A light that suits a background of the given mean level in [0, 1]."""
    heading, height = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(15, 80))
    world = np.array(
        [np.cos(heading) * np.cos(height), np.sin(heading) * np.cos(height), np.sin(height)]
    )
    strength = np.clip(level / 0.42, 0.55, 1.35) * np.exp(rng.normal(0, 0.15))
    share = rng.uniform(0.2, 0.75)
    warmth = rng.normal(0, 0.05)
    tint = np.array([1 - warmth, 1, 1 + warmth])
    return Light(
        direction=(camera_rotation @ world).astype(np.float32),
        up=camera_rotation[:, 2].astype(np.float32),
        direct=(strength * share * 1.5 * tint).astype(np.float32),
        ambient=(strength * (1 - share) * 1.15 * tint[::-1]).astype(np.float32),
        wrap=float(rng.uniform(0.1, 0.7)),
    )


def shade(light: Light, colours: np.ndarray, normals: np.ndarray, gloss: np.ndarray) -> np.ndarray:
    """Colours (N, 3) under the light.

    Args:
        light: the light.
        colours: surface colours, (N, 3).
        normals: in camera coordinates, (N, 3); need not be unit, all are turned to the viewer.
        gloss: strength of the highlight, (N,).
    """
    x, y, z = np.ascontiguousarray(normals.T)  # whole rows: three times as fast as (N, 3)
    scale = 1 / (np.sqrt(x * x + y * y + z * z) + 1e-6)
    x, y, facing = x * scale, y * scale, np.abs(z) * scale
    along = light.direction
    incidence = x * along[0] + y * along[1] - facing * along[2]
    direct = np.maximum((incidence + light.wrap) / (1 + light.wrap), 0)
    sky = 0.62 + 0.38 * (x * light.up[0] + y * light.up[1] - facing * light.up[2])
    ambient = sky * (0.72 + 0.28 * facing)  # edges see less of the room
    half = along - np.array([0, 0, 1], np.float32)
    half = half / (np.linalg.norm(half) + 1e-6)
    mirrored = np.maximum(x * half[0] + y * half[1] - facing * half[2], 0)
    highlight = np.square(mirrored)
    highlight = np.square(highlight * highlight * highlight) * gloss  # to the twelfth
    shaded = np.empty_like(colours)
    for c in range(3):
        radiance = direct * light.direct[c] + ambient * light.ambient[c]
        shaded[:, c] = colours[:, c] * radiance + highlight * light.direct[c]
    return shaded


def contact_dark(inverse_depths: np.ndarray) -> np.ndarray:
    """Factor (H, W) in (0.5, 1]: surfaces just behind something nearer are darker."""
    size = max(inverse_depths.shape) // 60 * 2 + 3
    around = cv2.blur(inverse_depths, (size, size))
    excess = around / np.maximum(inverse_depths, 1e-6) - 1.06
    return 1 - np.clip(excess * 0.7, 0, 0.5)


def cast_shadows(image: np.ndarray, feet: list[tuple[np.ndarray, float]], strength: float) -> None:
    """Darken the ground under people, in place.

    Args:
        image: (H, W, 3) float32.
        feet: of each person, screen position (2,) and half width (px) of the shadow.
        strength: share of the light taken away.
    """
    height, width = image.shape[:2]
    small = np.zeros((height // 4 + 1, width // 4 + 1), np.float32)
    for place, radius in feet:
        center = tuple(int(v) for v in np.clip(place / 4, -1000, 1000).round())
        axes = (max(int(radius / 4), 1), max(int(radius / 12), 1))
        cv2.ellipse(small, center, axes, 0, 0, 360, 1.0, -1)
    small = cv2.GaussianBlur(small, (0, 0), 2.0)
    shadow = cv2.resize(small, (width, height))[..., None]
    image *= 1 - strength * np.clip(shadow, 0, 1)
