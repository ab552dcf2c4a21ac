"""Outfits: which point of the body is skin, cloth, hair or hat, and how thick it lies there.

Garments are cut in canonical coordinates (a point of the mean body at rest), so that hems are
smooth and move with the body.
"""

from dataclasses import dataclass

import numpy as np

from bmp.synthcrowd.body import BodyModel
from bmp.synthcrowd.textures import (
    SIZE,
    sample_cloth,
    sample_hair,
    sample_skin,
    sample_texture,
)

SKIN, TOP, BOTTOM, SHOES, HAIR, HAT, SOCKS, INNER = range(8)  # labels
NUM_LABELS = 8


@dataclass(frozen=True)
class Outfit:
    """What one person wears.

    Attributes:
        textures: (8, 64, 64, 3) float32, BGR, one a label.
        texture_scales: (8,) texture repeats a metre.
        offsets: (8,) metres that each label lies above the skin.
        sleeve: cut along the arm: -0.3 shoulder, 0.07 elbow, 0.33 wrist.
        hem: height of the top's lower edge; waist: upper edge of the bottom; leg: lower edge.
        neckline: depth of the opening below the neck, m; open: half width of an open front, m.
        skirt, long_hair, hat: whether these meshes are drawn (skirt ends at `leg`).
    """

    textures: np.ndarray
    texture_scales: np.ndarray
    offsets: np.ndarray
    sleeve: float
    hem: float
    waist: float
    leg: float
    sock: float
    neckline: float
    open: float
    hairline: float
    skirt: bool
    long_hair: bool
    hat: bool
    hood: bool
    bald: bool
    beard: float
    glasses: bool
    lip: float


def sample_outfit(rng: np.random.Generator, photos: list[np.ndarray]) -> Outfit:
    """Draw an outfit: from swimwear (rare) over shirts and shorts to coats and dresses."""
    colours = [sample_cloth(rng) for _ in range(NUM_LABELS)]
    colours[SKIN], colours[HAIR] = sample_skin(rng), sample_hair(rng)
    skirt, coat = rng.random() < 0.13, rng.random() < 0.22
    bare = rng.random() < 0.04
    if rng.random() < (0.55 if skirt else 0.12):  # a dress or a suit
        colours[BOTTOM] = colours[TOP]
    if rng.random() < 0.25 and not skirt:  # denim
        colours[BOTTOM] = np.array([0.42, 0.29, 0.2]) * rng.uniform(0.5, 1.7)
    textures = np.empty((NUM_LABELS, SIZE, SIZE, 3), np.float32)
    textures[:] = np.array(colours, np.float32)[:, None, None]
    for label, plainness in ((TOP, 0.58), (BOTTOM, 0.5 if skirt else 0.8)):
        textures[label] = sample_texture(rng, colours[label], photos, plainness)
    sleeve = float(rng.choice([0.34, 0.34, rng.uniform(0.1, 0.3), rng.uniform(-0.16, 0.04), -0.3]))
    leg = float(rng.choice([-0.9, rng.uniform(-0.8, -0.5), rng.uniform(-0.45, -0.2)],
                           p=[0.62, 0.08, 0.3]))  # fmt: skip
    offsets = np.array([0, 0.004, 0.003, 0.006, 0.012, 0.015, 0.003, 0.003], np.float32)
    offsets[TOP] += rng.uniform(0.012, 0.03) if coat else rng.uniform(0, 0.016)
    offsets[BOTTOM] += rng.uniform(0, 0.022)
    offsets[HAIR] = rng.uniform(0.003, 0.03)
    if skirt:
        leg = float(rng.uniform(-0.68, -0.28))
    return Outfit(
        textures=textures,
        texture_scales=rng.uniform(1.0, 5.0, NUM_LABELS).astype(np.float32),
        offsets=offsets,
        sleeve=0.34 if coat else sleeve if not bare else -1.0,
        hem=0.6 if bare else float(rng.uniform(-0.18, 0.02) if coat else rng.uniform(-0.09, 0.06)),
        waist=float(rng.uniform(0.02, 0.10)),
        leg=leg,
        sock=float(rng.choice([-1.0, rng.uniform(-0.8, -0.5)], p=[0.6, 0.4])),
        neckline=float(rng.choice([0.0, 0.03, rng.uniform(0.02, 0.14)])),
        open=float(rng.uniform(0.015, 0.07)) if coat and rng.random() < 0.6 else 0.0,
        hairline=float(rng.uniform(-0.015, 0.015)),
        skirt=skirt,
        long_hair=bool(rng.random() < 0.28),
        hat=bool(rng.random() < 0.16),
        hood=bool(rng.random() < 0.03),
        bald=bool(rng.random() < 0.06),
        beard=float(rng.uniform(0.3, 0.9)) if rng.random() < 0.15 else 0.0,
        glasses=bool(rng.random() < 0.18),
        lip=float(rng.uniform(0.1, 0.6)),
    )


def label_points(
    outfit: Outfit, canonical: np.ndarray, parts: np.ndarray, names: dict[str, int]
) -> np.ndarray:
    """Label of body points.

    Args:
        outfit: what is worn.
        canonical: points of the mean body, (N, 3), m.
        parts: body part of each point, (N,).
        names: index of each part by its name.

    Returns:
        (N,) uint8, one of SKIN ... INNER.
    """
    x, y, z = np.abs(canonical[:, 0]), canonical[:, 1], canonical[:, 2]

    bits = np.left_shift(1, parts, dtype=np.int32)

    def is_part(*wanted: str) -> np.ndarray:
        return (bits & sum(1 << names[name] for name in wanted)) != 0

    labels = np.zeros(len(parts), np.uint8)
    trunk, arm = is_part("torso", "hip", "neck"), is_part("upperarm", "lowerarm")
    lower = is_part("torso", "hip", "upperleg", "lowerleg") & ~arm
    foot = is_part("foot", "lowerleg")
    labels[foot & (z < outfit.sock)] = SOCKS
    bottom_end = -0.16 if outfit.skirt else outfit.leg
    labels[lower & (z < outfit.waist) & (z > bottom_end)] = BOTTOM
    collar = 0.535 - outfit.neckline * np.clip(1 - x / 0.11, 0, 1) * (y < 0)
    top = trunk & (z > outfit.hem) & (z < collar)
    labels[top] = TOP
    labels[top & (x < outfit.open) & (y < 0)] = INNER
    labels[arm & (x - z < outfit.sleeve)] = TOP
    labels[is_part("foot") & ((z < -0.825) | (y < -0.05))] = SHOES
    head = is_part("head", "neck", "hair")
    hairline = (
        0.712
        + outfit.hairline
        - 0.55 * np.clip(y + 0.085, 0, 0.09)
        - 0.15 * np.clip(y - 0.005, 0, 1)
    )
    cap = head & (z > 0.60) & ((z > hairline) | (y > 0.008))
    if not outfit.bald:
        labels[cap] = HAIR
    if outfit.hood:
        labels[head & ((y > -0.075) | (z > 0.735))] = TOP
    labels[is_part("skirt")] = BOTTOM
    labels[is_part("long_hair")] = HAIR
    labels[is_part("hat")] = HAT
    return labels


def worn_faces(outfit: Outfit, model: BodyModel) -> np.ndarray:
    """Which faces are drawn, (F,) bool: the body and the attachments that are worn."""
    worn = np.ones(len(model.faces), bool)
    if not outfit.skirt:
        worn &= model.face_parts != model.parts["skirt"]
    else:
        centers = model.canonical[model.faces, 2].mean(1)
        worn &= (model.face_parts != model.parts["skirt"]) | (centers > outfit.leg)
    if not outfit.long_hair or outfit.bald or outfit.hood:
        worn &= model.face_parts != model.parts["long_hair"]
    if not outfit.hat or outfit.hood:
        worn &= model.face_parts != model.parts["hat"]
    return worn


def dress(
    outfit: Outfit, model: BodyModel, vertices: np.ndarray, normals: np.ndarray
) -> np.ndarray:
    """Vertices (V, 3) moved out along their normals by the thickness of what covers them."""
    labels = label_points(outfit, model.canonical, model.vertex_parts, model.parts)
    offsets = outfit.offsets[labels]
    offsets[model.vertex_parts >= model.parts["skirt"]] = 0
    folds = np.sin(model.canonical @ np.array([31.0, 23.0, 40.0]) + outfit.waist * 300)
    return vertices + normals * (offsets * (1 + 0.35 * folds))[:, None].astype(np.float32)


def surface_colours(outfit: Outfit, canonical: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Colour (N, 3), BGR in [0, 1], of canonical points (N, 3) with the given labels (N,)."""
    size = outfit.textures.shape[1]
    scale = outfit.texture_scales[labels] * size
    u = ((canonical[:, 0] + 0.8 * canonical[:, 1] + 2) * scale).astype(np.int32) % size
    v = ((canonical[:, 2] + 0.2 * canonical[:, 1] + 2) * scale).astype(np.int32) % size
    colours = outfit.textures[labels, v, u]
    _paint_face(outfit, canonical, labels, colours)
    return colours


def _paint_face(
    outfit: Outfit, canonical: np.ndarray, labels: np.ndarray, colours: np.ndarray
) -> None:
    """Eyes, brows, mouth, beard and glasses, written into the colours of the face's skin."""
    face = np.flatnonzero((canonical[:, 1] < -0.06) & (canonical[:, 2] > 0.54) & (labels == SKIN))
    if not len(face):
        return
    x, z = np.abs(canonical[face, 0]), canonical[face, 2]
    hair = outfit.textures[HAIR, 0, 0]

    def blend(where: np.ndarray, colour: np.ndarray | float, share: float) -> None:
        rows = face[where]
        colours[rows] = colours[rows] * (1 - share) + np.asarray(colour, np.float32) * share

    if outfit.beard:
        chin = (z < 0.617) & ((x > 0.022) | (z < 0.594) | (z > 0.608))
        blend(chin, hair, outfit.beard)
    mouth = np.square(x / 0.026) + np.square((z - 0.602) / 0.007) < 1
    blend(mouth, (0.28, 0.25, 0.62), outfit.lip)
    blend((x < 0.024) & (np.abs(z - 0.602) < 0.0012), 0.12, 0.6)
    socket = np.square((x - 0.031) / 0.024) + np.square((z - 0.672) / 0.015) < 1
    blend(socket, 0.05, 0.18)
    eye = np.square((x - 0.031) / 0.015) + np.square((z - 0.669) / 0.006) < 1
    blend(eye, 0.85, 0.75)
    blend(eye & (np.square(x - 0.031) + np.square(z - 0.669) < 0.0068**2), 0.08, 0.9)
    brow = (np.abs(x - 0.032) < 0.02) & (np.abs(z - 0.689 + 0.1 * np.abs(x - 0.03)) < 0.0035)
    blend(brow, hair * 0.6, 0.75)
    if outfit.glasses:
        ring = np.hypot((x - 0.033) / 0.027, (z - 0.667) / 0.02)
        dark = outfit.lip > 0.35
        blend((ring < 1.1) if dark else (np.abs(ring - 1) < 0.14), 0.06, 0.9)
        blend((np.abs(z - 0.673) < 0.002) & (x < 0.01), 0.06, 0.9)
