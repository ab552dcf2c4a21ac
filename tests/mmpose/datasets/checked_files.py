"""Annotation files with their images, and what a check of them sees."""

import json

import cv2
import numpy as np

from tests.mmpose.datasets.ordinary_people import said_otherwise
from tests.mmpose.datasets.tiny_people import HEIGHT, WIDTH


def first_only(change):
    return said_otherwise(lambda c, a, n: change(c, a, n) if n == 0 else None)


def write(folder, content):
    (folder / "images").mkdir()
    for image in content["images"]:
        name = str(image["file_name"]).rsplit("/", 1)[-1]
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(folder / "images" / name), pixels)
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return path


def seen(check):
    return {fault.kind: (fault.level, fault.count) for fault in check.faults}
