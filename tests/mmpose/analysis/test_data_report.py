"""The check as text and as a page: faults with counts, pictures of examples."""

import base64
import json

import cv2
import numpy as np
import pytest

from mmpose.analysis.data_report import crowd_rows, data_page, format_check, write_check
from mmpose.analysis.fault_pictures import FAULTY, draw_people, readable_part
from mmpose.analysis.people_statistics import people_statistics
from mmpose.datasets.file_check import check_file
from mmpose.visualization.pose_drawing import COCO_SKELETON
from tests.mmpose.datasets.ordinary_people import ordinary
from tests.mmpose.datasets.tiny_people import write_people


def checked(folder, change=None):
    content = write_people(folder)
    if change is not None:
        change(content)
        (folder / "annotations.json").write_text(json.dumps(content))
    check = check_file(folder / "annotations.json")
    return check, None if check.content is None else people_statistics(check.content)


def break_three(content):
    people = content["annotations"]
    people[0]["keypoints"][2] = 7
    people[2]["area"] = people[4]["area"] = 0
    people[6]["bbox"] = people[6]["segmentation"] = None


def pixels_of(address):
    return cv2.imdecode(np.frombuffer(base64.b64decode(address.split(",")[1]), np.uint8), 1)


def test_text_of_a_clean_file(tmp_path):
    text = format_check(*checked(tmp_path))
    assert "kinds of faults: 0; nothing is lost" in text
    assert "5 images, 10 annotations of people" in text
    assert "2                 5  100.0%" in text  # people per image
    assert "refused" not in text


def test_text_names_kinds_counts_and_the_first(tmp_path):
    text = format_check(*checked(tmp_path, break_three))
    lines = [line.strip() for line in text.splitlines()]
    assert "refused: training and tests stop at the file" in lines
    assert "1  keypoints that cannot be read" in lines
    assert "2  area of 0 or less: the mask's, else 0.53 of the box" in lines
    assert any(line.startswith("first: annotation 2 of") and "flag 7" in line for line in lines)
    assert lines.index("1  keypoints that cannot be read") < lines.index(
        "1  people without a box, left out"
    )


def test_the_page_shows_the_person_in_question(tmp_path):
    page = data_page(*checked(tmp_path, break_three))
    pictures = page.sections[1].pictures
    assert [picture.title for picture in pictures] == [
        "keypoints that cannot be read: 1",
        "people without a box, left out: 1",
        "area of 0 or less: the mask's, else 0.53 of the box: 2",
    ]
    assert [len(picture.views) for picture in pictures] == [1, 1, 2]
    red = (np.abs(pixels_of(*pictures[0].views.values()).astype(int) - FAULTY) < 60).all(2)
    assert red.sum() > 100  # its box
    assert [section.title for section in page.sections][2:] == [
        "People",
        "Images with the most people",
    ]


def test_files_are_written(tmp_path):
    page = write_check(tmp_path / "out", *checked(tmp_path, break_three))
    assert "data:image/jpeg" in page.read_text()
    assert "keypoints that cannot be read" in (tmp_path / "out" / "check.txt").read_text()
    faults = json.loads((tmp_path / "out" / "faults.json").read_text())
    counts = {fault["fault"].split(":")[0]: fault["count"] for fault in faults}
    assert counts["area of 0 or less"] == len(faults[-1]["where"]) == 2


def test_without_images_nothing_is_drawn(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(ordinary()))
    check = check_file(path)
    page = data_page(check, people_statistics(check.content))
    assert not any(section.pictures for section in page.sections)
    assert "not looked at" in page.facts["Images"]


@pytest.mark.parametrize("people", [[], None])
def test_nobody_and_a_refused_file(people, tmp_path):
    def change(content):
        content["annotations"] = people or []
        if people is None:
            content["images"][1]["id"] = content["images"][0]["id"]

    check, statistics = checked(tmp_path, change)
    assert (statistics is None) == (people is None)
    text = format_check(check, statistics)
    assert "something is lost or misread" in text
    write_check(tmp_path / "out", check, statistics)


def test_what_can_be_read_of_a_broken_annotation():
    broken = {"bbox": [1, 2, float("nan"), 4], "keypoints": [1, 2, 7], "segmentation": [[1, 2]]}
    part = readable_part(broken)
    assert (part["bbox"], part["keypoints"]) == ([], [1, 2, 7])
    assert readable_part({"bbox": "wide", "keypoints": None}) == {
        "bbox": [],
        "keypoints": [],
        "segmentation": None,
    }


def test_a_broken_mask_and_other_joints_are_left_out_of_the_drawing():
    image = np.zeros((40, 40, 3), np.uint8)
    person = {"bbox": [5, 5, 20, 20], "keypoints": [1, 2, 2], "segmentation": {"size": [3, 3]}}
    drawn = draw_people(image, [person], [], COCO_SKELETON)
    assert drawn[5, 5].tolist() == list(FAULTY)
    assert (image == 0).all()
    assert (draw_people(image, [], [], COCO_SKELETON) == 0).all()


def test_images_by_crowd_index():
    assert [row["images"] for row in crowd_rows(np.array([0, 0.1, 0.2, 0.8, 0.9]))] == [2, 2, 1]
    assert crowd_rows(np.zeros(0)) == []
