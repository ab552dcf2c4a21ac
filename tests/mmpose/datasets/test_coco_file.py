"""What a file says counts, not how it says it."""

import copy
import json

import numpy as np
import pytest

from mmpose.datasets.coco_file import complete_annotations
from mmpose.structures import mask_to_rle
from tests.mmpose.datasets.ordinary_people import (
    NAMES,
    convert,
    ordinary,
    said_otherwise,
    sizes,
    update,
    without,
)
from tests.mmpose.datasets.tiny_people import HEIGHT, WIDTH


def mask_as(function):
    """The person's polygon, corners in a list, in another spelling."""
    return convert("segmentation", lambda mask: function(np.reshape(mask, (-1, 2)).tolist()))


def as_rle(kind):
    def spell(corners):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        (left, top), _, (right, bottom), _ = [[int(x) for x in corner] for corner in corners]
        mask[top:bottom, left:right] = True
        rle = mask_to_rle(mask)
        if kind is bytes:
            return rle | {"counts": rle["counts"].encode()}
        if kind is list:
            flat = mask.ravel(order="F").astype(int)
            edges = np.flatnonzero(np.diff(flat)) + 1
            return rle | {"counts": np.diff([0, *edges, flat.size]).tolist()}
        return rle

    return mask_as(spell)


SAME = {
    "ids from 0": lambda c, a, n: a.update(id=n),
    "ids from -1": lambda c, a, n: a.update(id=n - 1),
    "ids anew in each image": lambda c, a, n: a.update(id=n % 2 + 1),
    "one id for all": update(id=7),
    "ids as text": convert("id", str),
    "ids null": update(id=None),
    "no ids": without("id"),
    "image ids as text": convert("image_id", str),
    "no iscrowd": without("iscrowd"),
    "iscrowd null": update(iscrowd=None),
    "iscrowd as text": update(iscrowd="0"),
    "iscrowd false": update(iscrowd=False),
    "ignore as text": update(ignore="0"),
    "ignore false": update(ignore=False),
    "ignore null": update(ignore=None),
    "no area": without("area"),
    "area null": update(area=None),
    "area 0": update(area=0),
    "area negative": update(area=-3.5),
    "area not a number": update(area=float("nan")),
    "area as text": convert("area", str),
    "no num_keypoints": without("num_keypoints"),
    "num_keypoints too few": update(num_keypoints=3),
    "num_keypoints null": update(num_keypoints=None),
    "joints nested": convert("keypoints", lambda k: np.reshape(k, (-1, 3)).tolist()),
    "joints as text": convert("keypoints", lambda k: [str(x) for x in k]),
    "box as text": convert("bbox", lambda b: [str(x) for x in b]),
    "box drawn from the far corner": convert(
        "bbox", lambda b: [b[0] + b[2], b[1] + b[3], -b[2], -b[3]]
    ),
    "box null, from the mask": update(bbox=None),
    "box empty, from the mask": update(bbox=[]),
    "box of no size, from the mask": update(bbox=[0, 0, 0, 0]),
    "no box, from the mask": without("bbox"),
    "sizes as text": sizes(lambda w, h: (str(w), str(h))),
    "sizes as floats": sizes(lambda w, h: (float(w), float(h))),
    "mask flat": mask_as(lambda corners: np.ravel(corners).tolist()),
    "mask a list of points": mask_as(lambda corners: corners),
    "mask a list of lists of points": mask_as(lambda corners: [corners]),
    "mask with a part of two points": mask_as(
        lambda corners: [np.ravel(corners).tolist(), [1, 1, 2, 2]]
    ),
    "no category in annotations": without("category_id"),
    "category as text": convert("category_id", str),
}


@pytest.mark.parametrize("field", ["pad_to_contain", "visibility"])
@pytest.mark.parametrize("shift", [1, 5])
def test_what_belongs_to_joints_moves_with_them(field, shift):
    content = said_otherwise(update(**{field: list(range(17))}))
    content["categories"][0]["keypoints"] = NAMES[shift:] + NAMES[:shift]
    people = complete_annotations(content, skeleton=NAMES)["annotations"]
    expected = [*range(17 - shift, 17), *range(17 - shift)]
    assert [p[field] for p in people] == [expected] * 4
    content = said_otherwise(update(**{field: None}))
    assert field not in complete_annotations(content, skeleton=NAMES)["annotations"][0]


def test_unlabelled_joints_of_another_number_are_none():
    content = said_otherwise(update(keypoints=[0] * 42))
    del content["categories"]
    people = complete_annotations(content, skeleton=NAMES)["annotations"]
    assert [p["keypoints"] for p in people] == [[]] * 4


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_the_same_in_another_way_is_the_same(change):
    expected = complete_annotations(ordinary(), skeleton=NAMES)
    found = complete_annotations(said_otherwise(change), skeleton=NAMES)
    for theirs, ours in zip(found["annotations"], expected["annotations"], strict=True):
        assert {**theirs, "id": 0} == {**ours, "id": 0}
    ids = [theirs["id"] for theirs in found["annotations"]]
    assert ids == [1, 2, 3, 4]
    assert found["images"] == expected["images"]


@pytest.mark.parametrize("kind", [str, bytes, list])
def test_run_lengths_of_any_spelling_are_kept_as_they_are_drawn(kind):
    people = complete_annotations(said_otherwise(as_rle(kind)))["annotations"]
    assert [p["segmentation"]["size"] for p in people] == [[HEIGHT, WIDTH]] * 4
    assert [
        p["area"] for p in complete_annotations(said_otherwise(without("area")))["annotations"]
    ] == [1800.0] * 4


@pytest.mark.parametrize(
    "mask",
    [
        *[None, [], [[]], [[10.0, 10.0, 20.0, 20.0]], [[10, 10], [20, 20]], ()],
        {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]},
        {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH, 0]},
        mask_to_rle(np.zeros((HEIGHT, WIDTH), bool)),
    ],
    ids=str,
)
def test_somebody_without_a_mask_stays_for_the_boxes(mask):
    people = complete_annotations(said_otherwise(update(segmentation=mask, area=None)))
    assert [p["segmentation"] for p in people["annotations"]] == [None] * 4
    assert people["annotations"][0]["area"] == pytest.approx(0.53 * 30 * 60)


def test_the_input_is_left_as_it_is():
    content = said_otherwise(without("id", "area", "iscrowd"))
    before = json.dumps(content)
    complete_annotations(content, skeleton=NAMES[::-1])
    assert json.dumps(content) == before


def test_images_are_told_apart_by_id_and_name():
    content = ordinary()
    content["images"].append(dict(content["images"][0]))
    assert len(complete_annotations(content)["images"]) == 2
    content["images"][-1]["file_name"] = "other.png"
    with pytest.raises(ValueError, match=r"two images of .* have the id 4: 4\.png and other\.png"):
        complete_annotations(content)
    content["images"][-1] = {**content["images"][0], "id": 5}
    with pytest.raises(ValueError, match=r"are the file 4\.png: 4 and 5"):
        complete_annotations(content)
    content["images"][-1]["file_name"] = "b/4.png"  # the same name in another folder
    assert len(complete_annotations(content)["images"]) == 3


def test_people_listed_twice_are_one_person():
    content = ordinary()
    content["annotations"].append(copy.deepcopy(content["annotations"][0]))
    assert len(complete_annotations(content)["annotations"]) == 4
    content["annotations"][-1]["bbox"] = [1.0, 1.0, 5.0, 5.0]  # another one with the same id
    assert [p["id"] for p in complete_annotations(content)["annotations"]] == [1, 2, 3, 4, 5]


def test_unlabelled_joints_may_be_nowhere():
    content = said_otherwise(update(keypoints=[None, None, 0] + [5, 6, 2] * 16))
    people = complete_annotations(content)["annotations"]
    assert people[0]["keypoints"][:6] == [0, 0, 0, 5, 6, 2]
    assert people[0]["num_keypoints"] == 16


def test_joints_are_matched_by_name():
    """A file that lists right before left, and one with a joint more."""
    content, expected = ordinary(), complete_annotations(ordinary(), skeleton=NAMES)
    swapped = [0, *[i + (1 if i % 2 else -1) for i in range(1, 17)]]
    content["categories"][0]["keypoints"] = [NAMES[i].replace("_", " ").title() for i in swapped]
    for annotation in content["annotations"]:
        annotation["keypoints"] = (
            np.reshape(annotation["keypoints"], (-1, 3))[swapped].ravel().tolist()
        )
    found = complete_annotations(content, skeleton=NAMES)
    assert found["annotations"][1]["keypoints"] == expected["annotations"][1]["keypoints"]
    again = complete_annotations(found, skeleton=NAMES)  # what is in order stays so
    assert again["annotations"] == found["annotations"]
    content = ordinary()
    content["categories"][0]["keypoints"] = ["pelvis", *NAMES]
    for annotation in content["annotations"]:
        annotation["keypoints"] = [1.0, 2.0, 2.0, *annotation["keypoints"]]
    found = complete_annotations(content, skeleton=NAMES)
    assert found["annotations"] == expected["annotations"]
