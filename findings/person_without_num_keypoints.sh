#!/usr/bin/env bash
# A person without `num_keypoints` vanishes from keypoint evaluation (faster-coco-eval 1.8.0).
#
# Two people are annotated with all 17 joints, one of them is found. AP is 0.505. Take
# `num_keypoints` away from the person who was missed and AP is 1.0; take it away from both and AP
# is -1. There is no word about it. The labelled joints stand in `keypoints` all the same, and
# hotcoco 1.3.0, which counts them, says 0.505 each time.
#
# Why it matters: several annotation tools write no `num_keypoints`, and people added to a file by
# hand often lack it. A merged file then scores higher than it should, by those who were not found.
# Count the flags above 0 and write the field before using such a file.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  faster-coco-eval==1.8.0 hotcoco==1.3.0 numpy==2.4.6

"$folder/venv/bin/python" -I - <<'PYTHON'
import contextlib
import io
import sys
from importlib.metadata import version

import faster_coco_eval
import hotcoco

NUM_JOINTS = 17
POSE = [number for joint in range(NUM_JOINTS) for number in (20 + 5 * joint, 50 + 7 * joint, 2)]


def make_truth(has_count):
    people = []
    for number, counted in enumerate(has_count, start=1):
        person = {"id": number, "image_id": number, "category_id": 1, "iscrowd": 0}
        person |= {"bbox": [15, 45, 90, 122], "area": 6000, "keypoints": POSE}
        people.append(person | {"num_keypoints": NUM_JOINTS} if counted else person)
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 400, "height": 300} for n in (1, 2)]
    categories = [{"id": 1, "name": "person"}]
    return {"images": images, "annotations": people, "categories": categories}


def keypoint_ap(coco_class, judge_class, has_count):
    """AP where the first of two people is found exactly, and the second not at all."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco_class(make_truth(has_count))
        found = [{"image_id": 1, "category_id": 1, "keypoints": POSE, "score": 0.9}]
        judge = judge_class(truth, truth.loadRes(found), "keypoints")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return round(float(judge.stats[0]), 3)


PACKAGES = {
    "faster-coco-eval": (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
    "hotcoco": (hotcoco.COCO, hotcoco.COCOeval),
}
CASES = {
    "both people have it": (True, True),
    "the missed one lacks it": (True, False),
    "both lack it": (False, False),
}
EXPECTED = {"faster-coco-eval": [0.505, 1.0, -1.0], "hotcoco": [0.505, 0.505, 0.505]}
seen = {}
for package, classes in PACKAGES.items():
    seen[package] = [keypoint_ap(*classes, has_count) for has_count in CASES.values()]
    print(f"{package} {version(package)}: AP, one of two people found, by who has num_keypoints")
    for case, value in zip(CASES, seen[package], strict=True):
        print(f"  {case}: {value}")
if seen != EXPECTED:
    sys.exit(f"the behaviour has changed: expected {EXPECTED}")
print("as found: without the field people are left out, and AP rises")
PYTHON
