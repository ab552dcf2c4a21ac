"""Procedural textures of clothes and things, and colours of skin, hair and cloth.

Textures tile; they are (64, 64, 3) float32 in [0, 1], BGR.
"""

import cv2
import numpy as np

SIZE = 64

SKIN = np.array(  # BGR, light to dark
    [
        (190, 205, 240), (170, 190, 232), (150, 178, 226), (140, 165, 215), (122, 152, 205),
        (105, 135, 190), (88, 118, 172), (70, 98, 150), (55, 78, 124), (42, 60, 98), (32, 45, 74),
    ],
    np.float32,
) / 255  # fmt: skip
HAIR = np.array(
    [
        (18, 18, 22), (22, 24, 32), (28, 36, 52), (35, 50, 78), (48, 76, 115), (80, 120, 165),
        (125, 165, 200), (40, 60, 130), (150, 150, 152), (205, 205, 208),
    ],
    np.float32,
) / 255  # fmt: skip
CLOTH = np.array(  # common colours of clothes
    [
        (30, 28, 28), (50, 46, 44), (90, 88, 86), (150, 148, 146), (225, 224, 222), (240, 240, 240),
        (95, 62, 40), (70, 45, 28), (140, 105, 75), (175, 150, 120), (60, 80, 110), (110, 140, 165),
        (40, 40, 150), (60, 50, 190), (50, 90, 50), (70, 110, 70), (60, 150, 200), (120, 90, 180),
    ],
    np.float32,
) / 255  # fmt: skip


def sample_skin(rng: np.random.Generator) -> np.ndarray:
    """A skin colour (3,), BGR."""
    place = rng.beta(1.0, 1.5) * (len(SKIN) - 1)
    low = int(min(place, len(SKIN) - 2))
    colour = SKIN[low] + (place - low) * (SKIN[low + 1] - SKIN[low])
    return np.clip(colour * rng.normal(1, 0.05, 3), 0.02, 1).astype(np.float32)


def sample_hair(rng: np.random.Generator) -> np.ndarray:
    """A hair colour (3,), BGR; mostly dark."""
    if rng.random() < 0.02:
        return sample_cloth(rng)
    weights = np.array([5, 5, 5, 4, 3, 2, 2, 1.5, 1.5, 1.2])
    colour = HAIR[rng.choice(len(HAIR), p=weights / weights.sum())]
    return np.clip(colour * rng.normal(1, 0.1, 3), 0.02, 1).astype(np.float32)


def sample_cloth(rng: np.random.Generator) -> np.ndarray:
    """A colour of cloth (3,), BGR: a common one, or any hue."""
    if rng.random() < 0.6:
        colour = CLOTH[rng.integers(len(CLOTH))] * rng.normal(1, 0.12, 3)
        return np.clip(colour, 0.02, 0.97).astype(np.float32)
    hue, saturation, value = rng.uniform(0, 180), 255 * rng.beta(1.6, 1.4), rng.uniform(40, 245)
    pixel = np.array([[[hue, saturation, value]]]).astype(np.uint8)
    return (cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0] / 255).astype(np.float32)


def smooth_noise(rng: np.random.Generator, cells: int, size: int = SIZE) -> np.ndarray:
    """Tiling noise (size, size) float32 in about [0, 1] with the given number of cells a side."""
    coarse = rng.random((cells, cells), dtype=np.float32)
    padded = np.pad(coarse, 1, mode="wrap")
    scale = size // cells
    smooth = cv2.resize(padded, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return smooth[scale : scale + size, scale : scale + size]


def _stripes(rng: np.random.Generator) -> np.ndarray:
    wave = np.sin(np.arange(SIZE) * 2 * np.pi * rng.integers(2, 9) / SIZE)
    band = (wave > rng.uniform(-0.7, 0.7)).astype(np.float32)
    grid = np.broadcast_to(band[:, None], (SIZE, SIZE))
    return grid if rng.random() < 0.65 else grid.T


def _checks(rng: np.random.Generator) -> np.ndarray:
    return (_stripes(rng) + _stripes(rng).T) / 2


def _dots(rng: np.random.Generator) -> np.ndarray:
    step = int(rng.choice([8, 16, 32]))
    place = (np.arange(SIZE) % step) - (step - 1) / 2
    return (np.hypot(place[:, None], place) < step * rng.uniform(0.15, 0.4)).astype(np.float32)


def _blots(rng: np.random.Generator) -> np.ndarray:
    noise = smooth_noise(rng, int(rng.choice([4, 8, 16])))
    levels = int(rng.integers(2, 5))
    return np.floor(np.clip(noise, 0, 0.999) * levels) / max(levels - 1, 1)


PATTERNS = (_stripes, _checks, _dots, _blots)


def sample_texture(
    rng: np.random.Generator, colour: np.ndarray, photos: list[np.ndarray], plainness: float
) -> np.ndarray:
    """A tiling texture about a colour.

    Args:
        rng: source of randomness.
        colour: the ground colour (3,), BGR in [0, 1].
        photos: images (h, w, 3) uint8 whose pieces serve as prints.
        plainness: probability of plain cloth.

    Returns:
        (64, 64, 3) float32, BGR in [0, 1].
    """
    texture = np.broadcast_to(colour, (SIZE, SIZE, 3))
    if rng.random() >= plainness:
        if rng.random() < 0.2:
            photo = photos[rng.integers(len(photos))]
            y, x = (rng.integers(n - 96) for n in photo.shape[:2])
            piece = cv2.resize(photo[y : y + 96, x : x + 96], (SIZE, SIZE))
            texture = 0.3 * texture + 0.7 * piece.astype(np.float32) / 255
        else:
            share = PATTERNS[rng.integers(len(PATTERNS))](rng)[..., None] * rng.uniform(0.4, 1)
            texture = texture * (1 - share) + sample_cloth(rng) * share
    grain = rng.integers(256, size=(SIZE, SIZE, 1), dtype=np.uint8).astype(np.float32)
    grain = 1 + rng.uniform(0.02, 0.1) * (grain / 128 - 1)
    return np.minimum(texture.astype(np.float32) * grain, 1)
