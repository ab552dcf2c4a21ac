#!/usr/bin/env bash
# A category that nobody has ruins CrowdPose's levels (faster-coco-eval 1.8.0, xthotcoco 0.1.0).
#
# Every pose below is perfect, so AP and AP easy / medium / hard are 1. With one more entry in
# `categories` and nothing else changed, AP stays 1 and all three levels are 0; with two they are
# below 0. The cells of a category without people hold -1, and the levels average over them.
#
# Why it matters: files of several classes, or exports that list every label of a project, give
# levels that look like a model failing on each kind of crowd, beside an AP that looks right.
# Leave people's category alone in the file before comparing levels.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  faster-coco-eval==1.8.0 xthotcoco==0.1.0 hotcoco==1.3.0 numpy==2.4.6

"$folder/venv/bin/python" -I - <<'PYTHON'
import contextlib
import io
import sys
from importlib.metadata import version

import faster_coco_eval
import numpy as np
import xthotcoco

NUM_JOINTS = 14
SIGMAS = np.full(NUM_JOINTS, 0.08)
CROWD_INDICES = (0.1, 0.5, 0.9)  # an easy, a medium and a hard image
POSE = [number for joint in range(NUM_JOINTS) for number in (20 + 5 * joint, 50 + 7 * joint, 2)]


def make_truth(names):
    images = [
        {"id": n, "file_name": f"{n}.jpg", "width": 400, "height": 300, "crowdIndex": index}
        for n, index in enumerate(CROWD_INDICES, start=1)
    ]
    person = {"category_id": 1, "bbox": [15, 45, 75, 101], "area": 4000, "iscrowd": 0}
    person |= {"keypoints": POSE, "num_keypoints": NUM_JOINTS}
    people = [person | {"id": image["id"], "image_id": image["id"]} for image in images]
    categories = [{"id": n, "name": name} for n, name in enumerate(names, start=1)]
    return {"images": images, "annotations": people, "categories": categories}


def make_results():
    fields = {"category_id": 1, "keypoints": POSE, "score": 0.9}
    return [fields | {"image_id": n} for n in range(1, len(CROWD_INDICES) + 1)]


def by_faster_coco_eval(names):
    truth = faster_coco_eval.COCO(make_truth(names))
    answer = truth.loadRes(make_results())
    judge = faster_coco_eval.COCOeval_faster(
        truth, answer, "keypoints_crowd", kpt_oks_sigmas=SIGMAS, use_area=False
    )
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return judge.stats


def by_xthotcoco(names):
    judge = xthotcoco.COCOeval(
        make_truth(names), make_results(), "keypoints_crowd", sigmas=SIGMAS, use_area=False
    )
    return judge.run()


EXPECTED = {
    ("person",): [1, 1, 1, 1],
    ("person", "ball"): [1, 0, 0, 0],
    ("person", "ball", "dog"): [1, -0.3333, -0.3333, -0.3333],
}
is_same = True
for package, judge in (("faster-coco-eval", by_faster_coco_eval), ("xthotcoco", by_xthotcoco)):
    print(f"{package} {version(package)}: AP, easy, medium, hard of perfect poses")
    for names, expected in EXPECTED.items():
        with contextlib.redirect_stdout(io.StringIO()):
            stats = np.asarray(judge(list(names)))
        seen = [round(float(stats[place]), 4) + 0.0 for place in (0, 6, 7, 8)]  # no -0.0
        print(f"  categories {', '.join(names)}: {seen}")
        is_same &= np.allclose(seen, expected, atol=1e-3)
if not is_same:
    sys.exit(f"the behaviour has changed: expected {list(EXPECTED.values())} of both")
print("as found: unused categories pull the levels to 0 and below, AP stays right")
PYTHON
