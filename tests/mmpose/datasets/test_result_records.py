"""Results in any spelling, and refusals that name result and image."""

import numpy as np
import pytest

from mmpose.datasets.coco_file import complete_annotations
from mmpose.datasets.result_records import complete_results
from mmpose.structures import mask_to_rle

SQUARE = np.zeros((20, 30), bool)
SQUARE[5:9, 5:9] = True


def truth(category=1, *more):
    categories = [{"id": category, "name": "person"}, *more]
    images = [{"id": 5, "width": 30, "height": 20}, {"id": 6, "width": 30, "height": 20}]
    person = {"id": 1, "image_id": 5, "category_id": category, "bbox": [5, 5, 4, 4]}
    return {"images": images, "annotations": [person], "categories": categories}


def result(**fields):
    return {"image_id": 5, "category_id": 1, "score": 0.5, "bbox": [5, 5, 4, 4], **fields}


def complete(*results, content=None, **settings):
    content = complete_annotations(content or truth())
    return complete_results(results, content, "results.json", **settings)


PLAIN = result(keypoints=[1.0, 2.0, 0.5] * 17, segmentation=mask_to_rle(SQUARE))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="plain"),
        pytest.param({"keypoints": [[1.0, 2.0, 0.5]] * 17}, id="joints nested"),
        pytest.param({"keypoints": ["1.0", "2.0", "0.5"] * 17}, id="joints as text"),
        pytest.param({"score": "0.5"}, id="score as text"),
        pytest.param({"score": [0.5]}, id="score in a list"),
        pytest.param({"bbox": ["5", 5.0, 4, 4]}, id="box as text"),
        pytest.param({"bbox": [9, 5, -4, 4]}, id="box from right to left"),
        pytest.param({"bbox": [9, 9, -4, -4]}, id="box from its lower right corner"),
        pytest.param({"bbox": [5, 9, 4, -4]}, id="box upwards"),
        pytest.param({"image_id": "5"}, id="image id as text"),
        pytest.param({"category_id": "1"}, id="category as text"),
        pytest.param({"category_id": 1.0}, id="category as a float"),
        pytest.param({"category_id": 0}, id="all of another category"),
        pytest.param(
            {
                "segmentation": {
                    **PLAIN["segmentation"],
                    "counts": PLAIN["segmentation"]["counts"].encode(),
                }
            },
            id="RLE in bytes",
        ),
    ],
)
def test_the_same_in_another_way_is_the_same(fields):
    (found,) = complete(PLAIN | fields)
    (expected,) = complete(PLAIN)
    assert found == expected
    assert found["keypoints"] == [1.0, 2.0, 0.5] * 17
    assert found["bbox"] == [5.0, 5.0, 4.0, 4.0]


def test_results_without_a_category_are_of_people():
    no_category = {key: value for key, value in PLAIN.items() if key != "category_id"}
    assert complete(no_category, content=truth(category=0))[0]["category_id"] == 0


def test_other_categories_are_left_out_and_all_stay_where_all_are_asked_for():
    content = truth(1, {"id": 2, "name": "dog"})
    both = [result(category_id=1), result(category_id=2), result(category_id=77)]
    assert [r["category_id"] for r in complete(*both, content=content)] == [1]
    everything = complete_annotations(content, people_only=False)
    assert [r["category_id"] for r in complete_results(both, everything)] == [1, 2]
    with pytest.raises(ValueError, match=r"no result of category 1, .* only of \[2, 3\]"):
        complete(result(category_id=2), result(category_id=3), content=content)


@pytest.mark.parametrize(("theirs", "kept"), [(2, False), ("2", False), (3, True), (0, True)])
def test_results_of_another_annotated_category_are_not_people(theirs, kept):
    """Category 2 is that of annotated dogs; 3 is listed and nobody's, 0 is not listed."""
    content = truth(1, {"id": 2, "name": "dog"}, {"id": 3, "name": "project"})
    content["annotations"].append({**content["annotations"][0], "id": 2, "category_id": 2})
    if kept:
        assert complete(result(category_id=theirs), content=content)[0]["category_id"] == 1
        return
    with pytest.raises(ValueError, match="no result of category 1, the people"):
        complete(result(category_id=theirs), content=content)


def test_nobody_found_is_a_normal_result():
    assert complete() == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"image_id": 9}, "1 images that are not among the 2 .* such as 9", id="image"),
        pytest.param({"image_id": "six"}, "such as 'six'", id="image as a word"),
        pytest.param(
            {"score": float("nan")}, "result 1, of image 5: score must be finite", id="nan"
        ),
        pytest.param({"score": None}, "result 1, of image 5: score must be finite", id="no score"),
        pytest.param(
            {"bbox": [0, 0, float("inf"), 1]}, "image 5: bbox must be finite", id="inf box"
        ),
        pytest.param({"image_id": [5]}, r"result 1 has the image_id \[5\]", id="image in a list"),
        pytest.param({"category_id": [1]}, "result 1 has the category_id", id="category in a list"),
        pytest.param({"bbox": [0, 0, 1]}, "bbox has 3 numbers", id="half a box"),
        pytest.param({"keypoints": [float("nan")] * 51}, "keypoints must be finite", id="nan pose"),
        pytest.param({"keypoints": [0] * 50}, "keypoints has 50 numbers", id="50 numbers"),
        pytest.param(
            {"segmentation": {"size": [20, 30], "counts": "Xa0"}},
            "result 1, of image 5: .*cut off or damaged",
            id="damaged mask",
        ),
    ],
)
def test_what_cannot_be_used_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        complete(PLAIN, PLAIN | wrong)


def test_needed_fields_and_records():
    with pytest.raises(ValueError, match=r"result 0 lacks \['segmentation'\]"):
        complete(result(), needs=("segmentation",))
    with pytest.raises(ValueError, match="result 0 is no record but 3"):
        complete(3)
