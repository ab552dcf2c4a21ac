"""The loop on image files, with a stand-in for the models: one person in the middle."""

import json

import cv2
import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from bmp.loop import LoopResult, Turn
from bmp.photos import find_images, run_photos
from bmp.results import make_result
from bmp.segmenters.prompts import Prompts
from bmp.structures import make_people


def person_in_the_middle(height, width):
    masks = torch.zeros(1, height, width, dtype=torch.bool)
    masks[0, 10:30, 20:35] = True
    return make_people(
        torch.tensor([[20.0, 10, 35, 30]]),
        masks=masks,
        keypoints=torch.full((1, 17, 2), 25.0),
        keypoint_scores=torch.full((1, 17), 0.75),
        presence=torch.ones(1, 17),
        visibility=torch.ones(1, 17),
        bbox_scores=torch.tensor([0.5]),
        mask_scores=torch.tensor([0.5]),
        scores=torch.tensor([0.5]),
        iteration=torch.tensor([0]),
    )


def find_one(image):
    """As :class:`bmp.api.BBoxMaskPose` would answer: one person after each of two turns."""
    people = person_in_the_middle(*image.shape[:2])
    points, labels = torch.full((1, 3, 2), 25.0), torch.ones(1, 3).long()
    prompts = Prompts(points, labels, people.bboxes, torch.tensor([False]))
    steps = [Turn(0, people, people, people, prompts)]
    found = LoopResult(people, [people] * 2, steps)
    return make_result(found, intermediates=True, heatmap_shape=None)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "in" / "7.png"
    path.parent.mkdir()
    cv2.imwrite(str(path), np.full((40, 60, 3), 90, np.uint8))
    return path


def test_a_folder_gives_its_images_by_name(photo):
    (photo.parent / "note.txt").write_text("no image")
    (photo.parent / "3.JPG").write_bytes(photo.read_bytes())
    assert [path.name for path in find_images([photo.parent])] == ["3.JPG", "7.png"]


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_missing_images_are_named(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=name):
        find_images([tmp_path / name])


def test_pictures_and_results_of_a_photo(photo, tmp_path):
    lines = []
    report = run_photos([photo], find_one, tmp_path / "out", tell=lines.append)
    written = {path.name for path in (tmp_path / "out").iterdir()}
    expected = {"7_people.jpg", "7_turns.jpg", "7_turns.gif", "results.json"}
    assert written == expected
    assert {path.name for path in report.pictures} == expected - {"results.json"}
    assert report.found == [1, 1]
    assert lines[0].startswith("[1/1] 7.png: 1 -> 1 people")
    (entry,) = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (entry["image_id"], entry["file_name"]) == (7, "7.png")
    assert (entry["score"], entry["iteration"]) == (0.5, 0)
    assert entry["bbox"] == [20, 10, 15, 20]
    assert entry["keypoints"][:3] == [25.0, 25.0, 0.75]
    assert coco_mask.area(entry["segmentation"]) == 20 * 15


def test_an_unreadable_photo_is_counted_and_the_others_are_done(photo, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"this is no picture")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    report = run_photos([bad, empty, photo], find_one, tmp_path / "out", gif=False, tell=str)
    assert [path.name for path, _ in report.failures] == ["bad.jpg", "empty.jpg"]
    assert "not an image" in report.failures[0][1]
    assert len(report.results) == 1
    assert not list((tmp_path / "out").glob("*.gif"))


def test_photos_of_one_name_do_not_overwrite_each_other(photo, tmp_path):
    twin = tmp_path / "7.png"
    twin.write_bytes(photo.read_bytes())
    report = run_photos([photo, twin], find_one, tmp_path / "out", gif=False, tell=str)
    assert len({path.name for path in report.pictures}) == 4
