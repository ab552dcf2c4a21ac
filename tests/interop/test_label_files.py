"""Label files of YOLO that we write, read back by the packages that train on them."""

import json

import cv2
import numpy as np
import pytest

from tests.bmp.prediction.photo_parts import find_nobody, find_one

pytestmark = pytest.mark.interop
IMAGE = np.zeros((40, 60, 3), np.uint8)


def test_sleap_io_reads_our_label_files(tmp_path):
    sio = pytest.importorskip("sleap_io")
    for folder in ("images", "labels"):
        (tmp_path / "train" / folder).mkdir(parents=True)
    for name, find in (("a", find_one), ("b", find_nobody)):
        cv2.imwrite(str(tmp_path / f"train/images/{name}.png"), IMAGE)
        (tmp_path / f"train/labels/{name}.txt").write_text(find(IMAGE).to_yolo())
    settings = {
        "path": ".",
        "train": "train/images",
        "names": {0: "person"},
        "kpt_shape": [17, 3],
        "node_names": [f"joint {n}" for n in range(17)],
        "skeleton": [],
        "flip_idx": list(range(17)),
    }
    (tmp_path / "data.yaml").write_text(json.dumps(settings))
    labels = sio.load_ultralytics(str(tmp_path), split="train")
    people = [instance.numpy() for frame in labels for instance in frame.instances]
    assert len(people) == 1
    # the stand-in's joints all lie at (25, 25)
    np.testing.assert_allclose(people[0], np.full((17, 2), 25.0), atol=1e-3)
