"""COCO annotations from what was drawn."""

import numpy as np
from pycocotools import mask as coco_mask

from bmp.synthcrowd.body import NUM_KEYPOINTS

# How far the surface may lie before a joint that still counts as seen, metres: the thickness of
# the limb about it, measured by rays from the joint to the skin, and loose cloth (3 cm).
# COCO order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles.
JOINT_DEPTHS = np.array(
    [0.03, 0.025, 0.025, 0.045, 0.045, 0.13, 0.13, 0.10, 0.10, 0.08, 0.08, 0.20, 0.20, 0.11, 0.11,
     0.09, 0.09],
    np.float32,
)  # fmt: skip
MIN_AREA = 16  # px; fewer visible pixels of a person are no annotation


def joint_visibility(
    keypoints: np.ndarray,
    depths: np.ndarray,
    person: int,
    owners: np.ndarray,
    surface_depths: np.ndarray,
) -> np.ndarray:
    """COCO visibility of the joints of one person.

    Args:
        keypoints: screen positions, (17, 2), px.
        depths: of the joints, (17,), m.
        person: index of the person in owners.
        owners: who is seen at each pixel, (H, W); -1 background, -2 an occluder.
        surface_depths: depth of what is seen, (H, W), m; inf at the background.

    Returns:
        (17,) int: 0 outside the image, 1 hidden by the body itself, another person or a thing, 2
        seen. A joint is seen where nothing but up to a limb's thickness of its own body lies
        before it.
    """
    height, width = owners.shape
    columns = np.floor(keypoints[:, 0] + 0.5)
    rows = np.floor(keypoints[:, 1] + 0.5)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height) & (depths > 0)
    column = np.where(inside, columns, 0).astype(int)
    row = np.where(inside, rows, 0).astype(int)
    owner, surface = owners[row, column], surface_depths[row, column]
    own = (owner == person) & (depths - surface <= JOINT_DEPTHS)
    other = (owner != person) & (surface >= depths)
    return np.where(inside, np.where(own | other, 2, 1), 0)


def annotate_person(mask: np.ndarray, keypoints: np.ndarray, visibility: np.ndarray) -> dict | None:
    """A COCO person annotation without its ids.

    Args:
        mask: visible pixels, (H, W) bool.
        keypoints: screen positions, (17, 2), px.
        visibility: (17,) of `joint_visibility`.

    Returns:
        The annotation; None where fewer than MIN_AREA pixels are visible: such a person is as
        good as hidden and stays in the image unannotated.
    """
    area = int(mask.sum())
    if area < MIN_AREA:
        return None
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    box = [float(value) for value in coco_mask.toBbox(encoded)]
    rows = np.zeros((NUM_KEYPOINTS, 3))
    seen = visibility > 0
    rows[seen, :2] = keypoints[seen].round(2)
    rows[seen, 2] = visibility[seen]
    flat = [int(v) if i % 3 == 2 else float(v) for i, v in enumerate(rows.ravel())]
    return {
        "category_id": 1,
        "bbox": box,
        "area": area,
        "segmentation": {"size": list(mask.shape), "counts": encoded["counts"].decode()},
        "iscrowd": 0,
        "keypoints": flat,
        "num_keypoints": int(seen.sum()),
    }
