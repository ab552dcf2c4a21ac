"""A data set of a few drawn people, written where a test wants it."""

import json
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 120, 90


def person(ann_id, image_id, left, top, width=30, height=60):
    """A box with 17 joints spread over it, every third occluded, and a mask that fills it."""
    steps = np.arange(17)
    xs = left + width * (steps % 4 + 0.5) / 4
    ys = top + height * (steps + 0.5) / 17
    seen = np.where(steps % 3 == 0, 1, 2)
    corners = [left, top, left + width, top, left + width, top + height, left, top + height]
    return {
        "id": ann_id,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [left, top, width, height],
        "area": width * height,
        "segmentation": [corners],
        "num_keypoints": 17,
        "keypoints": np.column_stack([xs, ys, seen]).astype(float).ravel().tolist(),
    }


def write_people(folder: Path, num_images: int = 5) -> dict:
    """Write ``annotations.json`` and ``images/``, two people in each; return the annotations."""
    (folder / "images").mkdir(parents=True)
    images, people = [], []
    for image_id in range(1, num_images + 1):
        name = f"{image_id}.png"
        picture = np.random.default_rng(image_id).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(folder / "images" / name), picture)
        images.append({"id": image_id, "file_name": name, "width": WIDTH, "height": HEIGHT})
        people += [
            person(2 * image_id, image_id, 10, 15),
            person(2 * image_id + 1, image_id, 70, 20),
        ]
    categories = [{"id": 1, "name": "person"}]
    content = {"images": images, "annotations": people, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))
    return content
