"""People are found by the name of their category, whatever its number."""

import pytest

from mmpose.datasets.coco_file import complete_annotations


def content(categories, used=(1,)):
    people = [
        {"id": n, "image_id": 1, "category_id": number, "bbox": [0, 0, 9, 9]}
        for n, number in enumerate(used, 1)
    ]
    return {"images": [{"id": 1}], "annotations": people, "categories": categories}


def listed(*names, start=1):
    return [{"id": n, "name": name} for n, name in enumerate(names, start)]


@pytest.mark.parametrize(
    ("categories", "used", "expected"),
    [
        pytest.param(listed("person"), (1, 1), 1, id="COCO"),
        pytest.param(listed("person", start=0), (0,), 0, id="from 0"),
        pytest.param(listed("Person ", "car"), (1, 2), 1, id="another case"),
        pytest.param(listed("bike", "PEOPLE"), (1, 2), 2, id="people"),
        pytest.param(listed("face", "human"), (2, 1), 2, id="human"),
        pytest.param(listed("pedestrian", "rider"), (1, 2), 1, id="pedestrian"),
        pytest.param(listed("JOB_0/PERSON", "x", start=0), (0,), 0, id="behind a path"),
        pytest.param(listed("runner", start=5), (5,), 5, id="the only one"),
        pytest.param(listed("person", "people"), (1, 2), 1, id="person before people"),
        pytest.param(listed("human", "people"), (2, 2), 2, id="a namesake nobody has"),
        pytest.param([], (3, 3), 3, id="not listed"),
        pytest.param(None, (), 1, id="nothing said"),
        pytest.param(listed("person") * 2, (1,), 1, id="listed twice"),
    ],
)
def test_the_category_of_people(categories, used, expected):
    found = complete_annotations(content(categories, used))
    assert [category["id"] for category in found["categories"]] == [expected]
    assert [p["category_id"] for p in found["annotations"]] == [
        expected for number in used if number == expected
    ]
    assert found["left_out"]["of other categories"] == sum(number != expected for number in used)


@pytest.mark.parametrize(
    ("categories", "used", "message"),
    [
        pytest.param(listed("car", "dog"), (1,), "no category of people among", id="no people"),
        pytest.param(listed("human", "people"), (1, 2), "several categories", id="two of people"),
        pytest.param(listed("person"), (0,), "category 0, but it lists", id="not listed"),
        pytest.param([], ([1],), r"category_id \[1\]", id="none listed, a list"),
        pytest.param([], (1, 2), "lists no categories .* 2 of them", id="several, none listed"),
        pytest.param(listed("person", "car"), (None,), "has no category_id", id="not said"),
        pytest.param([{"name": "person"}], (1,), "has no id", id="no id"),
        pytest.param({"1": "person"}, (1,), "has no id", id="by number"),
        pytest.param(listed("person"), ([1],), r"category_id \[1\]", id="a list"),
        pytest.param(listed("person"), ({"id": 1},), "category_id {'id'", id="a record"),
        pytest.param([{"id": [1], "name": "person"}], (1,), "has no id", id="id in a list"),
        pytest.param(
            [*listed("person"), *listed("car")], (1,), "two categories .* id 1", id="one id"
        ),
    ],
)
def test_categories_that_could_mean_anything_are_refused(categories, used, message):
    with pytest.raises(ValueError, match=message):
        complete_annotations(content(categories, used))


def test_all_categories_on_demand():
    found = complete_annotations(content(listed("car", "person"), (1, 2)), people_only=False)
    assert [p["category_id"] for p in found["annotations"]] == [1, 2]
    assert len(found["categories"]) == 2
