"""The annotation file of people found in images."""

import numpy as np
import pytest

from bmp.evaluation.coco_annotations import (
    annotation_file,
    joint_flags,
    people_to_annotations,
    person_category,
)
from bmp.evaluation.coco_results import people_to_results
from tests.bmp.prediction.photo_parts import find_one


def entries_of(result):
    return people_to_results(result.people, 4)


def test_the_category_is_that_of_coco():
    category = person_category()
    assert (category["id"], category["name"]) == (1, "person")
    assert category["keypoints"][:2] == ["nose", "left_eye"]
    assert len(category["keypoints"]) == 17
    # from COCO's own person_keypoints files: the first and the last of 19 links
    assert (category["skeleton"][0], category["skeleton"][-1]) == ([16, 14], [5, 7])
    assert len(category["skeleton"]) == 19


def test_a_person_as_an_annotation():
    result = find_one(np.zeros((40, 60, 3), np.uint8))
    (person,) = people_to_annotations(result.people, entries_of(result), first_id=5)
    assert (person["id"], person["image_id"], person["category_id"]) == (5, 4, 1)
    assert person["bbox"] == [20, 10, 15, 20]
    assert (person["area"], person["iscrowd"]) == (15 * 20, 0)
    assert person["keypoints"] == [25.0, 25.0, 2] * 17
    assert all(isinstance(flag, int) for flag in person["keypoints"][2::3])
    assert (person["num_keypoints"], person["score"], person["iteration"]) == (17, 0.5, 0)


@pytest.mark.parametrize(
    ("score", "presence", "visibility", "flag"),
    [
        (0.9, 0.9, 0.9, 2),
        (0.3, 0.3, 0.5, 2),
        (0.9, 0.9, 0.4, 1),
        (0.31, 0.8, 0.0, 1),
        (0.2, 0.9, 0.9, 0),
        (0.9, 0.2, 0.9, 0),
        (np.nan, 0.9, 0.9, 0),
        (np.inf, 0.9, 0.9, 0),
    ],
)
def test_flags_of_joints(score, presence, visibility, flag):
    result = find_one(np.zeros((40, 60, 3), np.uint8))
    result.keypoints[0, 3, 2] = score
    result.presence[0, 3], result.visibility[0, 3] = presence, visibility
    assert joint_flags(result.people).tolist() == [[2, 2, 2, flag, *([2] * 13)]]
    (person,) = people_to_annotations(result.people, entries_of(result), first_id=1)
    assert person["num_keypoints"] == 16 + (flag > 0)
    assert person["keypoints"][9:12] == ([25.0, 25.0, flag] if flag else [0, 0, 0])


def test_a_coordinate_that_is_not_finite_is_a_joint_not_found():
    result = find_one(np.zeros((40, 60, 3), np.uint8))
    result.keypoints[0, 16, 1] = np.inf
    (person,) = people_to_annotations(result.people, entries_of(result), first_id=1)
    assert person["keypoints"][-3:] == [0, 0, 0]


def test_without_a_mask_the_area_is_that_of_the_box():
    result = find_one(np.zeros((40, 60, 3), np.uint8))
    result.masks[:] = False
    (person,) = people_to_annotations(result.people, entries_of(result), first_id=1)
    assert (person["area"], person["segmentation"]) == (15 * 20, [])


def test_nobody_is_a_whole_file():
    content = annotation_file([{"id": 1}], [])
    assert (content["images"], content["annotations"]) == ([{"id": 1}], [])
    assert content["categories"] == [person_category()]
