"""Three images with poses, boxes and masks of known errors, and their files."""

from pathlib import Path

import cv2
import numpy as np

SIDE = 300
EVIL_NAME = "<img src=x onerror=alert(1)>&\"'.jpg"
NAMES = {1: "plain.jpg", 2: EVIL_NAME, 3: "good.jpg"}


def pose_in(bbox, shift=0.0):
    """17 joints in two columns of a box xywh, all seen, moved to the right."""
    x, y, w, h = bbox
    points = [(x + w * (0.3 + 0.4 * (k % 2)) + shift, y + h * (k + 0.5) / 17) for k in range(17)]
    return [float(value) for px, py in points for value in (px, py, 2)]


def polygon_of(bbox):
    x, y, w, h = bbox
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def rle_of(bbox):
    """Uncompressed run lengths of a rectangle, column by column."""
    x, y, w, h = bbox
    mask = np.zeros((SIDE, SIDE), bool)
    mask[y : y + h, x : x + w] = True
    edges = np.flatnonzero(np.diff(mask.T.ravel(), prepend=False, append=False))
    return {"size": [SIDE, SIDE], "counts": np.diff(edges, prepend=0, append=SIDE**2).tolist()}


def person(number, image_id, bbox, **fields):
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "bbox": bbox,
        "area": bbox[2] * bbox[3],
        "iscrowd": 0,
        "keypoints": pose_in(bbox),
        "num_keypoints": 17,
        "segmentation": polygon_of(bbox),
        **fields,
    }


def result(image_id, bbox, score, shift=0.0):
    joints = pose_in(bbox, shift)
    joints[2::3] = [0.8] * 17
    return {
        "image_id": image_id,
        "category_id": 1,
        "bbox": bbox,
        "keypoints": joints,
        "segmentation": rle_of(bbox),
        "score": score,
        "presence": [0.9] * 17,
        "visibility": [0.7] * 17,
    }


LEFT, RIGHT, CORNER = [20, 20, 80, 160], [180, 40, 80, 160], [200, 240, 60, 50]


def truth():
    """Image 1: two people; image 2: one; image 3: one."""
    people = [person(1, 1, LEFT), person(2, 1, RIGHT), person(3, 2, LEFT), person(4, 3, RIGHT)]
    images = [
        {"id": n, "file_name": name, "width": SIDE, "height": SIDE} for n, name in NAMES.items()
    ]
    return {
        "images": images,
        "categories": [{"id": 1, "name": "person"}],
        "annotations": people,
    }


def predictions():
    """Image 1: one of two found; image 2: the person lost, a wrong one; image 3: exact."""
    return [result(1, LEFT, 0.9), result(2, CORNER, 0.6), result(3, RIGHT, 0.8)]


def write_images(folder: Path, numbers=tuple(NAMES)):
    for number in numbers:
        noise = np.random.default_rng(number).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
        _, encoded = cv2.imencode(".jpg", noise)
        (folder / NAMES[number]).write_bytes(encoded.tobytes())
    return folder
