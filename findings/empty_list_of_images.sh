#!/usr/bin/env bash
# An empty list of image ids means all images (hotcoco 1.3.0).
#
# Of two images one is detected exactly and one wrongly. With `imgIds = []` hotcoco answers 0.505,
# the AP of both images; pycocotools 2.0.11, whose numbers it offers, answers -1, "nothing here".
#
# Why it matters: whoever evaluates part of the images, such as the crowded ones, the night ones or
# one fold, gets a plausible number for a part that is empty, namely that of the whole set.
# xthotcoco 0.1.0, built on it, so reports AP(hard) for data without a hard image.
# Test for an empty list before calling it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  hotcoco==1.3.0 pycocotools==2.0.11 numpy==2.4.6

"$folder/venv/bin/python" -I - <<'PYTHON'
import contextlib
import io
import sys
from importlib.metadata import version

import hotcoco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

BOX, ELSEWHERE = [20, 40, 80, 120], [300, 200, 50, 50]


def make_truth():
    person = {"category_id": 1, "bbox": BOX, "area": 9600, "iscrowd": 0}
    return {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 400, "height": 300} for n in (1, 2)],
        "annotations": [person | {"id": n, "image_id": n} for n in (1, 2)],
        "categories": [{"id": 1, "name": "person"}],
    }


def load_hotcoco():
    return hotcoco.COCO(make_truth())


def load_pycocotools():
    coco = COCO()
    coco.dataset = make_truth()
    coco.createIndex()
    return coco


def box_ap(load, judge_class, image_ids):
    """AP of a right box in image 1 and a wrong one in image 2, over the listed images."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = load()
        results = [
            {"image_id": n, "category_id": 1, "bbox": box, "score": 0.9}
            for n, box in ((1, BOX), (2, ELSEWHERE))
        ]
        judge = judge_class(truth, truth.loadRes(results), "bbox")
        judge.params.imgIds = image_ids
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return round(float(judge.stats[0]), 3)


PACKAGES = {
    "hotcoco": (load_hotcoco, hotcoco.COCOeval),
    "pycocotools": (load_pycocotools, COCOeval),
}
LISTS = [[1, 2], [1], [2], []]
EXPECTED = {"hotcoco": [0.505, 1.0, 0.0, 0.505], "pycocotools": [0.505, 1.0, 0.0, -1.0]}
seen = {}
for package, parts in PACKAGES.items():
    seen[package] = [box_ap(*parts, list(image_ids)) for image_ids in LISTS]
    print(f"{package} {version(package)}: AP by imgIds")
    for image_ids, value in zip(LISTS, seen[package], strict=True):
        print(f"  {image_ids}: {value}")
if seen != EXPECTED:
    sys.exit(f"the behaviour has changed: expected {EXPECTED}")
print("as found: no images are taken for all images")
PYTHON
