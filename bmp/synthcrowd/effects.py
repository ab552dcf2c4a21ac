"""What a camera does to an image: softness, noise, tone, colour cast."""

import cv2
import numpy as np


def soften_edges(image: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Blend colours where the owner of neighbouring pixels changes; the masks stay exact.

    Args:
        image: (H, W, 3) uint8, changed in place.
        owners: (H, W) int32, who is seen at each pixel.
    """
    edges = np.zeros(owners.shape, bool)
    across, down = owners[:, 1:] != owners[:, :-1], owners[1:] != owners[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= down
    edges[:-1] |= down
    soft = cv2.GaussianBlur(image, (3, 3), 0.8)
    image[edges] = soft[edges]
    return image


def photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8 as a camera would record it."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3))
    elif rng.random() < 0.12:  # a smaller image, enlarged
        scale = rng.uniform(0.45, 0.8)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.03:  # black and white
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    gains = np.exp(rng.normal(0, 0.08)) * np.exp(rng.normal(0, 0.03, 3))
    gamma, contrast = np.exp(rng.normal(0, 0.13)), rng.normal(1, 0.09)
    levels = np.clip(np.arange(256)[:, None] * gains / 255, 0, 1) ** gamma * 255
    curves = np.clip((levels - 118) * contrast + 118 + rng.normal(0, 8), 0, 255)
    return _add_noise(rng, cv2.LUT(image, curves.astype(np.uint8)[None]))


def _add_noise(rng: np.random.Generator, levels: np.ndarray) -> np.ndarray:
    """Grain of a random strength; one small field, shifted, stands for the whole image."""
    strength = rng.gamma(1.2, 2.2)
    field = (rng.standard_normal((128, 128, 3), np.float32) * strength).astype(np.int16)
    height, width = levels.shape[:2]
    grain = np.tile(field, (height // 128 + 2, width // 128 + 2, 1))
    y, x = rng.integers(128, size=2)
    return cv2.add(levels, np.ascontiguousarray(grain[y : y + height, x : x + width]), dtype=0)
