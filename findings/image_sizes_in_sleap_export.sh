#!/usr/bin/env bash
# Every image of a COCO export has the first image's width and height (sleap-io 0.9.5).
#
# Three images of different sizes are one list of images with a pose each, written by `save_coco`.
# sleap-io opens each image at its own size, yet all three are listed as 64 x 48, and the joints
# of the other two lie outside. The size is asked of the list, whose shape is that of its first
# image. With a list of its own for each image the sizes are right.
#
# Why it matters: photos differ in size, unlike frames of a video. Readers that clip boxes to the
# image, drop joints outside it, scale by its size or draw masks of that size then lose or move
# people, and nothing says so. Make one `Video` for each size before exporting.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  sleap-io==0.9.5 numpy==2.4.6 pillow==13.0.0

"$folder/venv/bin/python" -I - <<'PYTHON'
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import sleap_io
from PIL import Image

SIZES = [(64, 48), (120, 90), (40, 200)]  # width, height


def export_sizes(folder, lists):
    """Sizes in the export of images that are grouped into lists, and the farthest joints."""
    skeleton = sleap_io.Skeleton(["head", "foot"], name="person")
    frames = []
    for names in lists:
        video = sleap_io.Video.from_filename([str(folder / name) for name in names])
        for place, name in enumerate(names):
            width, height = SIZES[int(Path(name).stem)]
            joints = np.array([[10.0, 10.0], [width - 5.0, height - 5.0]])
            instance = sleap_io.Instance.from_numpy(joints, skeleton=skeleton)
            frames.append(sleap_io.LabeledFrame(video=video, frame_idx=place, instances=[instance]))
    opened = [frame.image.shape[1::-1] for frame in frames]
    sleap_io.save_coco(sleap_io.Labels(frames), str(folder / "export.json"))
    content = json.loads((folder / "export.json").read_text())
    written = [(image["width"], image["height"]) for image in content["images"]]
    corners = [tuple(person["keypoints"][3:5]) for person in content["annotations"]]
    return opened, written, corners


names = [f"{number}.png" for number in range(len(SIZES))]
with tempfile.TemporaryDirectory() as path:
    folder = Path(path)
    for name, size in zip(names, SIZES, strict=True):
        Image.new("RGB", size).save(folder / name)
    opened, together, corners = export_sizes(folder, [names])
    _, apart, _ = export_sizes(folder, [[name] for name in names])
print(f"sleap-io {version('sleap-io')}: width and height of three images")
print(f"  opened by sleap-io: {opened}")
print(f"  exported, one list of three: {together}, last joints {corners}")
print(f"  exported, three lists of one: {apart}")
if (opened, together, apart) != (SIZES, [SIZES[0]] * 3, SIZES):
    sys.exit(f"the behaviour has changed: expected {SIZES}, then {SIZES[0]} three times")
print("as found: the first image's size is written for all of its list")
PYTHON
