"""Many scenes on one sheet, with their annotations drawn: the way to look at the data."""

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from bmp.synthcrowd.skeleton import SKELETON


def draw_annotations(image: np.ndarray, annotations: list[dict]) -> np.ndarray:
    """A copy of the image with boxes, mask outlines and joints (filled: seen, ring: hidden)."""
    canvas = image.copy()
    for number, annotation in enumerate(annotations):
        hue = np.array([[[(number * 47) % 180, 255, 255]]], np.uint8)
        colour = tuple(int(v) for v in cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0])
        mask = coco_mask.decode(annotation["segmentation"])
        outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, outlines, -1, colour, 1)
        x, y, w, h = (int(v) for v in annotation["bbox"])
        cv2.rectangle(canvas, (x, y), (x + w - 1, y + h - 1), colour, 1)
        joints = np.array(annotation["keypoints"]).reshape(-1, 3)
        for a, b in SKELETON:
            if joints[a - 1, 2] and joints[b - 1, 2]:
                ends = [tuple(int(v) for v in joints[i - 1, :2].round()) for i in (a, b)]
                cv2.line(canvas, *ends, colour, 1, cv2.LINE_AA)
        for jx, jy, visibility in joints:
            if visibility:
                thickness = -1 if visibility == 2 else 1
                cv2.circle(canvas, (round(jx), round(jy)), 2, colour, thickness, cv2.LINE_AA)
    return canvas


def contact_sheet(
    scenes: list[tuple[np.ndarray, list[dict]]], columns: int = 4, annotated: bool = True
) -> np.ndarray:
    """Tile scenes of one size.

    Args:
        scenes: images (H, W, 3) uint8 BGR with their COCO annotations.
        columns: scenes a row.
        annotated: draw the annotations.

    Returns:
        (rows * H, columns * W, 3) uint8 BGR.

    Raises:
        ValueError: no scene, or images of several sizes.
    """
    if not scenes:
        raise ValueError("a contact sheet needs at least one scene")
    shape = scenes[0][0].shape
    if any(image.shape != shape for image, _ in scenes):
        raise ValueError("all scenes of a contact sheet must have one size")
    tiles = [draw_annotations(*scene) if annotated else scene[0] for scene in scenes]
    tiles += [np.zeros(shape, np.uint8)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)
