"""What is not a person: real photos as backgrounds, clutter behind people, occluders before them.

Photos: `assets/backgrounds` (COCO images without people, CC licences in attribution.csv).
"""

from functools import cache

import cv2
import numpy as np

from bmp.synthcrowd.body import ASSETS
from bmp.synthcrowd.textures import sample_cloth, sample_texture, smooth_noise

# Photos of rooms, streets and landscapes, drawn three times as often as close-ups of food and
# things; and one that seems to show a person, never drawn.
PLACES = (
    "000030", "000071", "000072", "000073", "000089", "000491", "000508", "000540", "000599",
    "000626", "000629", "001993", "006723", "006818", "007574", "008762", "010092", "012062",
)  # fmt: skip
LEFT_OUT = ("000309",)


@cache
def load_photos() -> list[np.ndarray]:
    """The background photos, (h, w, 3) uint8 BGR, ordered by name; places stand there three times.

    Raises:
        FileNotFoundError: the package was installed without its assets.
    """
    paths = sorted((ASSETS / "backgrounds").glob("*.jpg"))
    if not paths:
        raise FileNotFoundError(
            f"no photos in {ASSETS / 'backgrounds'}: reinstall the package with its data files"
        )
    photos = []
    for path in paths:
        number = path.stem[-6:]
        if number not in LEFT_OUT:
            photos += [cv2.imread(str(path))] * (3 if number in PLACES else 1)
    return photos


def sample_background(
    rng: np.random.Generator, photos: list[np.ndarray], width: int, height: int
) -> np.ndarray:
    """A background (H, W, 3) float32 in [0, 1]: mostly a piece of a photo, sometimes plain."""
    if rng.random() < 0.08:
        return _gradient(rng, width, height)
    photo = photos[rng.integers(len(photos))]
    piece = _random_piece(rng, photo, width / height, rng.uniform(0.45, 1.0))
    image = cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.35:  # another photo as the lower part: a different floor
        other = _random_piece(rng, photos[rng.integers(len(photos))], width / height, 0.5)
        row = int(height * rng.uniform(0.4, 0.85))
        image[row:] = cv2.resize(other, (width, height))[row:]
    if rng.random() < 0.3:  # out of focus
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 3.5))
    gains = np.exp(rng.normal(0, 0.06, 3)) * np.exp(rng.normal(0, 0.15)) / 255
    return image * gains.astype(np.float32)


def _random_piece(
    rng: np.random.Generator, photo: np.ndarray, aspect: float, share: float
) -> np.ndarray:
    """A random crop of the given aspect (width / height), maybe mirrored."""
    rows, columns = photo.shape[:2]
    width = max(int(min(columns, rows * aspect) * share), 8)
    height = max(min(int(width / aspect), rows), 8)
    x, y = rng.integers(columns - width + 1), rng.integers(rows - height + 1)
    piece = photo[y : y + height, x : x + width]
    return piece[:, ::-1] if rng.random() < 0.5 else piece


def _gradient(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A plain wall: two colours, softly mixed, with a little unevenness."""
    top, bottom = sample_cloth(rng), sample_cloth(rng)
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    wall = np.broadcast_to(top * (1 - ramp) + bottom * ramp, (height, width, 3))
    uneven = cv2.resize(smooth_noise(rng, 8), (width, height))[..., None]
    return np.clip(wall * (0.9 + 0.2 * uneven), 0, 1).astype(np.float32)


def sample_object(rng: np.random.Generator, width: int, height: int, extent: float) -> np.ndarray:
    """Outline of a thing, (P, 2) int32 px: a box, a pole, a ball, a board or a jagged shape.

    Args:
        rng: source of randomness.
        width: of the image, px.
        height: of the image, px.
        extent: about how large, px.
    """
    center = rng.uniform(0, 1, 2) * (width, height)
    kind = rng.choice(["box", "pole", "ball", "board", "jagged"], p=[0.3, 0.2, 0.15, 0.15, 0.2])
    if kind == "ball":
        sides = extent * rng.uniform(0.15, 0.5) * np.array([1, rng.uniform(0.7, 1.2)])
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        outline = np.stack([np.cos(angle), np.sin(angle)], 1) * sides
    elif kind == "jagged":
        angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 12)))
        radius = extent * rng.uniform(0.15, 0.6, len(angle))
        outline = np.stack([np.cos(angle), np.sin(angle)], 1) * radius[:, None]
    else:
        shape = {"box": (0.5, 0.5), "pole": (0.05, 2.0), "board": (1.2, 0.25)}[str(kind)]
        half = extent * np.array(shape) * rng.uniform(0.5, 1.3, 2)
        outline = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    turn = np.radians(rng.normal(0, 6) if kind != "jagged" else rng.uniform(0, 360))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (outline @ matrix.T + center).round().astype(np.int32)


def sample_seat(rng: np.random.Generator, hips: np.ndarray, ground: float) -> np.ndarray:
    """Outline (4, 2) int32 of a seat under the hips (2,), px, down to the row of the ground."""
    high = max(ground - hips[1], 8.0)
    left, right = hips[0] - high * rng.uniform(0.5, 2.5), hips[0] + high * rng.uniform(0.5, 2.5)
    top = hips[1] - high * (rng.uniform(0.7, 1.3) if rng.random() < 0.4 else -0.15)
    bottom = ground - high * rng.uniform(0, 0.15)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.clip(corners, -9999, 9999).round().astype(np.int32)


def sample_table(rng: np.random.Generator, width: int, height: int, row: float) -> np.ndarray:
    """Outline (4, 2) int32 of a table or counter whose top edge is about at the row."""
    left, right = rng.uniform(-0.3, 0.5) * width, rng.uniform(0.5, 1.3) * width
    tip = rng.normal(0, 0.02) * width
    corners = [
        (left, row + tip),
        (right, row - tip),
        (right + 30, height + 9),
        (left - 30, height + 9),
    ]
    return np.array(corners).round().astype(np.int32)


def object_mask(outline: np.ndarray, width: int, height: int) -> np.ndarray:
    """The inside of an outline, (H, W) bool."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [outline], 1)
    return mask.astype(bool)


def paint_object(
    rng: np.random.Generator, photos: list[np.ndarray], image: np.ndarray, mask: np.ndarray
) -> None:
    """Colour a thing, in place: a piece of a photo or a texture, unevenly lit.

    Args:
        rng: source of randomness.
        photos: images (h, w, 3) uint8 to take pieces from.
        image: (H, W, 3) float32.
        mask: the visible part of the thing, (H, W) bool.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    height, width = mask[box].shape
    if rng.random() < 0.5:
        piece = _random_piece(rng, photos[rng.integers(len(photos))], width / height, 0.5)
        surface = cv2.resize(piece, (width, height)).astype(np.float32) / 255
    else:
        tile = sample_texture(rng, sample_cloth(rng), photos, 0.5)
        surface = np.tile(tile, (height // 64 + 1, width // 64 + 1, 1))[:height, :width]
    start, end = rng.uniform(0.5, 1.15, 2)
    light = np.linspace(start, end, width, dtype=np.float32)[None, :, None]
    np.copyto(image[box], surface * light, where=mask[box][..., None])
