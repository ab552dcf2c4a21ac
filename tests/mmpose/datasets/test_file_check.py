"""Every kind of fault is named with its count, and nothing of a clean file is."""

import copy
import json

import numpy as np
import pytest

from mmpose.datasets.faults import Level
from mmpose.datasets.file_check import check_file
from mmpose.structures import mask_to_rle
from tests.mmpose.datasets.checked_files import first_only, seen, write
from tests.mmpose.datasets.ordinary_people import (
    NAMES,
    convert,
    ordinary,
    said_otherwise,
    update,
    without,
)
from tests.mmpose.datasets.tiny_people import HEIGHT, WIDTH

# name -> change of the file, level, fault, count; of 2 images with 2 people each
ONE = {
    "box_null_one": (
        update(bbox=None),
        Level.CORRECTED,
        "people without a box, who get that of their mask",
    ),
    "box_and_mask_null": (
        update(bbox=None, segmentation=None),
        Level.DROPPED,
        "people without a box, left out",
    ),
    "mask_empty_list_one": (
        update(segmentation=[]),
        Level.DROPPED,
        "people without a mask: empty list",
    ),
    "mask_nested_empty_one": (
        update(segmentation=[[]]),
        Level.DROPPED,
        "people without a mask: empty list",
    ),
    "mask_null_one": (
        update(segmentation=None),
        Level.DROPPED,
        "people without a mask: segmentation null",
    ),
    "two corners": (
        update(segmentation=[[1, 2, 3, 4]]),
        Level.DROPPED,
        "people without a mask: polygons under three corners",
    ),
    "mask_rle_other_size_one": (
        update(segmentation=mask_to_rle(np.ones((WIDTH, HEIGHT), bool))),
        Level.DROPPED,
        "masks of another size than their image, ignored",
    ),
    "an empty RLE of another size": (
        update(segmentation=mask_to_rle(np.zeros((WIDTH, HEIGHT), bool))),
        Level.DROPPED,
        "masks of another size than their image, ignored",
    ),
    "a flag of 7": (
        lambda c, a, n: a["keypoints"].__setitem__(2, 7),
        Level.REFUSED,
        "keypoints that cannot be read",
    ),
    "half a box": (update(bbox=[1, 2]), Level.REFUSED, "bbox that cannot be read"),
    "text as area": (update(area="big"), Level.REFUSED, "area that cannot be read"),
    "outside": (
        update(bbox=[WIDTH + 9, 5, 30, 60], segmentation=None),
        Level.DROPPED,
        "people outside their image",
    ),
    "an unknown image": (
        update(image_id=77),
        Level.REFUSED,
        "annotations of images that are not listed",
    ),
    "a joint at the corner": (
        lambda c, a, n: a["keypoints"].__setitem__(slice(0, 3), [0, 0, 2]),
        Level.MISREAD,
        "labelled joints at (0, 0)",
    ),
    "a joint outside": (
        lambda c, a, n: a["keypoints"].__setitem__(0, -3.0),
        Level.DOUBTFUL,
        "people with labelled joints outside the image",
    ),
    "a thin box": (
        update(bbox=[10, 15, 2, 60], segmentation=[]),
        Level.DOUBTFUL,
        "boxes with a side under 4 px",
    ),
    "a box of somebody else": (
        update(bbox=[80, 5, 30, 60]),
        Level.DOUBTFUL,
        "boxes under an IoU of 0.5 with the mask's",
    ),
}
ALL = {
    "annotation_ids_from_zero": (
        lambda c, a, n: a.update(id=n),
        "people counted anew, since ids lack, repeat or are no numbers above 0",
    ),
    "annotation_ids_all_one": (
        update(id=1),
        "people counted anew, since ids lack, repeat or are no numbers above 0",
    ),
    "annotation_ids_missing": (
        without("id"),
        "people counted anew, since ids lack, repeat or are no numbers above 0",
    ),
    "area_zero": (update(area=0), "area of 0 or less: the mask's, else 0.53 of the box"),
    "area_null": (update(area=None), "area null: the mask's, else 0.53 of the box"),
    "area_missing": (without("area"), "area missing: the mask's, else 0.53 of the box"),
    "iscrowd_missing": (without("iscrowd"), "iscrowd missing: taken as 0"),
    "category_missing": (without("category_id"), "category_id missing: the only category"),
    "mask_missing": (without("segmentation"), "people without a mask: segmentation missing"),
    "mask_flat": (convert("segmentation", lambda m: m[0]), "masks as one flat list"),
    "mask of points": (
        convert("segmentation", lambda m: [np.reshape(m, (-1, 2)).tolist()]),
        "masks as lists of points",
    ),
    "keypoints_nested": (
        convert("keypoints", lambda k: np.reshape(k, (-1, 3)).tolist()),
        "keypoints in nested lists",
    ),
    "numbers as text": (convert("bbox", lambda b: [str(x) for x in b]), "numbers written as text"),
    "num_keypoints_always_16": (
        update(num_keypoints=16),
        "num_keypoints that is not the number of labelled joints",
    ),
}


def test_a_clean_file_has_no_fault(tmp_path):
    check = check_file(write(tmp_path, ordinary()))
    assert (check.faults, check.is_harmed, check.num_used) == ([], False, 4)
    assert (check.skeleton, check.joint_names) == ("coco.py", NAMES)
    assert check.folder == str(tmp_path / "images")


@pytest.mark.parametrize("name", ONE)
def test_a_fault_of_one_person(name, tmp_path):
    change, level, kind = ONE[name]
    found = seen(check_file(write(tmp_path, first_only(change))))
    assert found[kind] == (level, 1)


@pytest.mark.parametrize("name", ALL)
def test_a_fault_of_all_people_that_is_read_right(name, tmp_path):
    change, kind = ALL[name]
    check = check_file(write(tmp_path, said_otherwise(change)))
    assert seen(check) == {kind: (Level.CORRECTED, 4)}
    assert not check.is_harmed


def test_categories(tmp_path):
    def zero(content, annotation, n):
        annotation["category_id"] = content["categories"][0]["id"] = 0

    def unlisted(content, annotation, n):
        annotation["category_id"] = 0

    expected = [
        (zero, {"people of category 0, which other tools skip": (Level.CORRECTED, 4)}),
        (unlisted, {"annotations of a category that is not listed": (Level.REFUSED, 4)}),
    ]
    for n, (change, faults) in enumerate(expected):
        folder = tmp_path / str(n)
        folder.mkdir()
        assert seen(check_file(write(folder, said_otherwise(change)))) == faults
    content = ordinary()
    del content["categories"]
    folder = tmp_path / "none"
    folder.mkdir()
    kind = "no categories are listed: all annotations are people's"
    assert seen(check_file(write(folder, content))) == {kind: (Level.CORRECTED, 1)}


def test_people_twice(tmp_path):
    content = ordinary()
    again = copy.deepcopy(content["annotations"][1])
    again["id"], again["keypoints"][0] = 50, again["keypoints"][0] + 1
    content["annotations"] += [content["annotations"][0], again]
    found = seen(check_file(write(tmp_path, content)))
    assert found == {
        "people listed twice, taken once": (Level.CORRECTED, 1),
        "boxes with an IoU of 0.95 and more with one before": (Level.DOUBTFUL, 1),
    }


def test_joints_of_two_people_in_one_pose(tmp_path):
    content = ordinary()
    joints, others = (content["annotations"][n]["keypoints"] for n in (0, 1))
    joints[30:] = others[30:]
    kind = "people with seen joints 0.5 sides outside their box"
    assert seen(check_file(write(tmp_path, content)))[kind] == (Level.DOUBTFUL, 1)


def test_several_refused_records_are_all_named(tmp_path):
    content = ordinary()
    people = content["annotations"]
    people[0]["category_id"], people[1]["image_id"] = 8, 1000
    people[2]["keypoints"], people[3]["bbox"] = [1, 2], [1, 2, 3]
    check = check_file(write(tmp_path, content))
    assert {kind: count for kind, (_, count) in seen(check).items()} == {
        "annotations of a category that is not listed": 1,
        "annotations of images that are not listed": 1,
        "bbox that cannot be read": 1,
        "keypoints that cannot be read": 1,
    }
    assert check.content["annotations"] == []


@pytest.mark.parametrize("images", [[], ordinary()["images"]])
def test_nobody(images, tmp_path):
    path = write(tmp_path, ordinary() | {"images": images, "annotations": []})
    check = check_file(path)
    assert seen(check) == {"nobody to train on": (Level.REFUSED, 1)}
    assert check.num_used == 0


def test_all_people_marked_as_crowds_are_nobody(tmp_path):
    check = check_file(write(tmp_path, said_otherwise(update(iscrowd=1))))
    assert seen(check) == {"nobody to train on": (Level.REFUSED, 1)}
    assert check.unused == {"crowd regions": 4}
    assert "4 crowd regions" in check.faults[0].places[0]


def test_a_file_of_boxes_and_masks_alone_has_no_fault(tmp_path):
    check = check_file(write(tmp_path, said_otherwise(without("keypoints", "num_keypoints"))))
    assert (check.faults, check.num_used) == ([], 0)


def test_a_file_refused_as_a_whole(tmp_path):
    content = ordinary()
    content["images"][1]["id"] = content["images"][0]["id"]
    check = check_file(write(tmp_path, content))
    assert seen(check) == {"the file as a whole": (Level.REFUSED, 1)}
    assert check.content is None


def test_joints_are_matched_with_the_bundled_skeletons(tmp_path):
    content = ordinary()
    order = [*range(1, 17), 0]
    content["categories"][0]["keypoints"] = [NAMES[n] for n in order]
    for person in content["annotations"]:
        joints = np.reshape(person["keypoints"], (-1, 3))
        person["keypoints"] = joints[order].ravel().tolist()
    check = check_file(write(tmp_path, content))
    kind = "joints of another order, or more of them: matched by name"
    assert seen(check) == {kind: (Level.CORRECTED, 1)}
    assert check.skeleton == "coco.py"


def test_what_is_no_annotation_file_is_one_error(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[1")
    with pytest.raises(ValueError, match="not readable as JSON"):
        check_file(path)
    path.write_text("[]")
    with pytest.raises(ValueError, match="no COCO annotation file"):
        check_file(path)
    with pytest.raises(FileNotFoundError, match=r"b\.json"):
        check_file(tmp_path / "b.json")
    path.write_text(json.dumps(ordinary()))
    with pytest.raises(FileNotFoundError, match="no folder"):
        check_file(path, str(tmp_path / "nowhere"))
