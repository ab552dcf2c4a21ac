"""Annotated people as the first turn's detections."""

import json

import numpy as np
import pytest

from bmp.detectors import build_detector
from bmp.detectors.true_boxes import TrueBoxDetector
from bmp.loop import LoopSettings
from bmp.loop.build import LoopParts
from bmp.loop.model import BBoxMaskPoseModel
from tests.bmp.loop_parts import APART, RectangleDetector, RectanglePose, RectangleSegmenter

SQUARE = [[10, 10, 20, 10, 20, 20, 10, 20]]
JOINTS = [15, 15, 2] + [0] * 48


def person(number, bbox, **fields):
    known = {"id": number, "image_id": 7, "category_id": 1, "bbox": bbox, "iscrowd": 0}
    return known | {"area": 100, "keypoints": JOINTS, **fields}


PEOPLE = [
    person(1, [10, 10, 10, 10], segmentation=SQUARE),
    person(2, [30, 0, 20, 40], segmentation=SQUARE, keypoints=[0] * 51),
    person(3, [0, 0, 90, 50], iscrowd=1),
    person(4, [0, 0, 5, 5], image_id=8),
]


@pytest.fixture
def write(tmp_path):
    def write(people):
        path = tmp_path / "annotations.json"
        images = [{"id": n, "file_name": f"{n}.png", "width": 100, "height": 60} for n in (7, 8, 9)]
        categories = [{"id": 1, "name": "person"}]
        content = {"images": images, "annotations": people, "categories": categories}
        path.write_text(json.dumps(content))
        return path

    return write


def test_people_are_the_annotated_ones_without_crowds(write):
    detector = TrueBoxDetector(write(PEOPLE))
    people = detector.people_of(7, (60, 100))
    assert people.bboxes.tolist() == [[10, 10, 20, 20]]
    assert people.bbox_scores.tolist() == [1]
    assert "masks" not in people
    assert len(detector.people_of("8", (60, 100))) == 1
    assert len(detector.people_of(9, (60, 100))) == 0


def test_people_without_joints_and_masks_on_request(write):
    detector = TrueBoxDetector(write(PEOPLE), with_joints_only=False, with_masks=True)
    people = detector.people_of(7, (60, 100))
    assert people.bboxes.tolist() == [[10, 10, 20, 20], [30, 0, 50, 40]]
    assert people.masks.sum((1, 2)).tolist() == [100, 100]
    assert "masks" not in detector.people_of(8, (60, 100))  # nobody there has one


def test_annotations_of_nobody_are_refused(write):
    with pytest.raises(ValueError, match="nobody with a labelled joint; set with_joints_only"):
        TrueBoxDetector(write([PEOPLE[1], PEOPLE[2]]))
    with pytest.raises(ValueError, match="nobody; take annotations of single people"):
        TrueBoxDetector(write([PEOPLE[2]]), with_joints_only=False)


def test_an_array_does_not_say_which_image_it_is(write):
    with pytest.raises(ValueError, match=r"loop\.num_iters=1"):
        TrueBoxDetector(write(PEOPLE)).detect([APART])


def test_the_model_of_an_evaluation_takes_them_for_turn_one(write, monkeypatch):
    path = write([person(1, [10, 10, 10, 10])])
    detector = build_detector({"type": "TrueBoxDetector", "ann_file": path})
    parts = LoopParts(
        detector,
        RectanglePose(),
        RectangleSegmenter(),
        LoopSettings(num_iters=1, refresh_bboxes=False),
    )
    monkeypatch.setattr("bmp.loop.model.build_parts", lambda *_: parts)
    model = BBoxMaskPoseModel({}, {}, {}, {}, device="cpu")
    (sample,) = model([APART], [7], [None])
    assert sample["turns"][0].bboxes.tolist() == [[10, 10, 20, 20]]


def test_later_turns_ask_another_detector(write):
    detector = TrueBoxDetector(write(PEOPLE), later=RectangleDetector())
    assert len(detector.detect([np.array(APART)])[0]) == 2
