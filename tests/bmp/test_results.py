"""The result as a record: its line, its people one by one, and what other tools take of it."""

import json
import pickle
import sys

import numpy as np
import pytest
from pycocotools.coco import COCO

from bmp.results import BMPResult, failed_result
from bmp.structures import People
from tests.bmp.prediction.photo_parts import find_nobody, find_one

IMAGE = np.zeros((40, 60, 3), np.uint8)


def three_people(**changed):
    """At x = 0, 10 and 20, each as large as it stands far right; the last one of turn 2."""
    masks = np.zeros((3, 40, 60), bool)
    for n in range(3):
        masks[n, : n + 1, 10 * n : 10 * n + 2] = True
    keypoints = np.ones((3, 17, 3), np.float32)
    keypoints[..., 0] += 10 * np.arange(3)[:, None]
    per_joint, per_person = np.ones((3, 17), np.float32), np.ones(3, np.float32)
    arrays = dict(
        bboxes=np.array([[10 * n, 0, 10 * n + 2, n + 1] for n in range(3)], np.float32),
        masks=masks,
        keypoints=keypoints,
        presence=per_joint,
        visibility=per_joint * 0.25,
        scores=np.array([0.75, 0.5, 0.25], np.float32),
        bbox_scores=per_person,
        mask_scores=per_person,
        iteration=np.array([0, 0, 1]),
    )
    return BMPResult(**arrays | changed)


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (three_people(), "3 people, 40×60, masks, 17 joints, found in turns 2 + 1"),
        (three_people()[1], "1 person, 40×60, masks, 17 joints, found in turn 1"),
        (find_one(IMAGE), "1 person, 40×60, masks, 17 joints, found in turns 1 + 0"),
        (find_nobody(IMAGE), "0 people, 40×60, masks, 17 joints"),
        (
            three_people(heatmaps=np.zeros((3, 17, 64, 48), np.float32)),
            "3 people, 40×60, masks, 17 joints, heatmaps 64×48, found in turns 2 + 1",
        ),
        (failed_result("cannot read\n  'a.jpg'"), "failed, cannot read 'a.jpg'"),
    ],
)
def test_a_result_introduces_itself_in_one_line(result, line):
    assert repr(result) == str(result) == f"<BMPResult: {line}>"


def test_names_work_as_in_a_dict():
    result = three_people()
    assert dict(result).keys() == {**result}.keys() == set(result.keys())
    assert dict(result)["masks"] is result["masks"] is result.get("masks") is result.masks
    assert dict(result.items())["scores"] is result.values()[5] is result.scores
    assert result.get("hats", 3) == 3
    assert "hats" not in result


@pytest.mark.parametrize(
    ("item", "scores"),
    [
        (0, [0.75]),
        (np.argmin([3, 2, 1]), [0.25]),
        (slice(-2, None), [0.5, 0.25]),
        (slice(None, None, -2), [0.25, 0.75]),
        ([], []),
        (np.array([True, False, True]), [0.75, 0.25]),
    ],
)
def test_some_people_of_a_result_are_a_result(item, scores):
    heatmaps = np.zeros((3, 17, 8, 6), np.float32)
    part = three_people(heatmaps=heatmaps, turns=[1], intermediates=[2])[item]
    assert part.scores.tolist() == scores
    lengths = {len(value) for _, value in part.items() if isinstance(value, np.ndarray)}
    assert lengths == {len(scores)}
    assert (part.turns, part.intermediates) == ([], None)


def test_a_loop_goes_by_person():
    assert [person.bboxes[0, 0] for person in three_people()] == [0, 10, 20]
    assert [person.masks.sum() for person in three_people()] == [2, 4, 6]
    assert list(find_nobody(IMAGE)) == []


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("masks", np.zeros((2, 40, 60), bool)),
        ("scores", np.zeros((3, 1))),
        ("heatmaps", np.zeros((0, 17, 8, 6))),
    ],
)
def test_arrays_of_another_length_or_rank_are_refused(name, array):
    with pytest.raises(ValueError, match=f"{name} of 3 people must have .* length 3, got shape"):
        three_people(**{name: array})


def test_the_people_of_a_result_are_tensors_of_the_same_memory():
    result = three_people()
    people = result.people
    assert type(people) is People
    assert people.keypoints.shape == (3, 17, 2)
    assert people.keypoint_scores.tolist() == result.keypoint_scores.tolist()
    result.scores[0] = 0.125
    assert people.scores[0] == 0.125
    assert len(failed_result("no").people) == 0


def test_tensors_of_the_turns_move_and_arrays_stay():
    result = find_one(IMAGE)
    there = result.to("meta")
    assert there.turns[0].masks.device.type == "meta"
    steps = there.intermediates[0]
    moved = (steps.detections.bboxes, steps.refined.masks, steps.poses.scores)
    assert {tensor.device.type for tensor in moved} == {"meta"}
    assert there.masks is result.masks
    assert result.cpu().turns[0].masks.device.type == "cpu"
    assert three_people().to("cpu").intermediates is None
    assert repr(pickle.loads(pickle.dumps(result))) == repr(result)


def test_people_as_a_coco_file():
    content = three_people().to_coco("a.jpg", image_id=7, first_id=5)
    coco = COCO()
    coco.dataset = json.loads(json.dumps(content))
    coco.createIndex()
    assert coco.imgs == {7: {"id": 7, "file_name": "a.jpg", "width": 60, "height": 40}}
    assert coco.getCatIds(catNms=["person"]) == [1]
    people = coco.loadAnns(coco.getAnnIds(imgIds=7))
    assert [person["id"] for person in people] == [5, 6, 7]
    assert [person["bbox"] for person in people] == [[0, 0, 2, 1], [10, 0, 2, 2], [20, 0, 2, 3]]
    assert [person["area"] for person in people] == [2, 4, 6]
    assert [person["score"] for person in people] == [0.75, 0.5, 0.25]
    assert [person["iteration"] for person in people] == [0, 0, 1]
    assert people[1]["keypoints"] == [11, 1, 1] * 17  # occluded: a visibility of 0.25
    for person, mask in zip(people, three_people().masks, strict=True):
        np.testing.assert_array_equal(coco.annToMask(person), mask)


def test_nobody_and_a_failed_image_as_coco_files():
    nobody, failed = find_nobody(IMAGE).to_coco(), failed_result("no").to_coco()
    assert (nobody["images"][0]["height"], nobody["annotations"]) == (40, [])
    assert (failed["images"], failed["annotations"]) == ([], [])
    assert nobody["categories"] == failed["categories"]
    assert len(three_people()[2].to_coco()["annotations"]) == 1


def test_people_as_a_label_file_of_yolo():
    rows = three_people().to_yolo().splitlines()
    numbers = [float(number) for number in rows[1].split()]
    assert len(rows) == 3
    assert len(numbers) == 5 + 3 * 17
    # box 10, 0 to 12, 2 in an image of 60 x 40; joints at (11, 1), occluded
    assert numbers[:5] == pytest.approx([0, 11 / 60, 1 / 40, 2 / 60, 2 / 40], abs=1e-6)
    assert numbers[5:8] == pytest.approx([11 / 60, 1 / 40, 1], abs=1e-6)
    outside = three_people()[1:2]
    outside.keypoints[0, 0, 0] = 61.0
    assert outside.to_yolo().split()[5:8] == ["0.000000", "0.000000", "0"]
    assert find_nobody(IMAGE).to_yolo() == failed_result("no").to_yolo() == ""


def test_without_supervision_the_error_names_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[interop\]'"):
        three_people().to_supervision()


@pytest.mark.interop
def test_supervision_takes_people_boxes_masks_and_joints():
    sv = pytest.importorskip("supervision")
    result = three_people()
    result.visibility[1] = 0.75
    detections, key_points = result.to_supervision()
    assert (len(detections), len(key_points)) == (3, 3)
    assert detections.area.tolist() == [2, 4, 6]
    assert detections[detections.confidence > 0.4].xyxy.tolist() == result.bboxes[:2].tolist()
    assert detections.data["class_name"].tolist() == ["person"] * 3
    assert detections.data["iteration"].tolist() == [0, 0, 1]
    assert key_points[2].xy.tolist() == [[[21, 1]] * 17]
    assert key_points.visible.all(1).tolist() == [False, True, False]
    drawn = sv.MaskAnnotator(opacity=1).annotate(IMAGE + 255, detections)
    np.testing.assert_array_equal((drawn != 255).any(-1), result.masks.any(0))
    assert (sv.VertexAnnotator().annotate(IMAGE.copy(), key_points) != IMAGE)[:5, 7:16].any()


@pytest.mark.interop
@pytest.mark.parametrize("result", [find_nobody(IMAGE), three_people()[:0], failed_result("no")])
def test_supervision_takes_nobody(result):
    sv = pytest.importorskip("supervision")
    detections, key_points = result.to_supervision()
    assert (len(detections), len(key_points)) == (0, 0)
    assert detections.xyxy.shape == (0, 4)
    for annotator in (sv.BoxAnnotator(), sv.MaskAnnotator(), sv.LabelAnnotator()):
        np.testing.assert_array_equal(annotator.annotate(IMAGE.copy(), detections), IMAGE)
    np.testing.assert_array_equal(sv.VertexAnnotator().annotate(IMAGE.copy(), key_points), IMAGE)
