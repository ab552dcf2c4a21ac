"""Overlap, crowding, visibility and sizes, worked out by hand."""

import numpy as np
import pytest

from mmpose.analysis.people_statistics import (
    box_overlaps,
    crowd_index,
    mask_overlaps,
    overlap_rows,
    people_statistics,
    per_image_rows,
    size_rows,
    visibility_rows,
)
from mmpose.datasets.coco_file import complete_annotations


def one(number, image, bbox, joints=(), **fields):
    x, y, w, h = bbox
    corners = [x, y, x + w, y, x + w, y + h, x, y + h]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": list(bbox),
        "segmentation": [corners],
        "iscrowd": 0,
        "keypoints": [float(v) for joint in joints for v in joint],
        **fields,
    }


def content(people, num_images=3):
    images = [
        {"id": n, "file_name": f"{n}.png", "width": 100, "height": 50} for n in range(num_images)
    ]
    categories = [{"id": 1, "name": "person"}]
    return complete_annotations({"images": images, "annotations": people, "categories": categories})


# 20 x 10 boxes, half on each other: 100 / 300; the third touches neither
HALF = [
    one(1, 0, (0, 0, 20, 10), [(5, 5, 2), (15, 5, 1), (0, 0, 0)]),
    one(2, 0, (10, 0, 20, 10), [(12, 5, 2), (28, 5, 3), (18, 5, 2)]),
    one(3, 1, (0, 0, 40, 40), [(1, 1, 2), (0, 0, 0), (0, 0, 0)]),
]


def test_overlap_of_boxes_and_masks():
    people = content(HALF)["annotations"]
    assert box_overlaps(people[:2]) == pytest.approx([1 / 3, 1 / 3])
    assert mask_overlaps(people[:2], 50, 100) == pytest.approx([1 / 3, 1 / 3])
    assert box_overlaps(people[2:]).tolist() == mask_overlaps(people[2:], 50, 100).tolist() == [0]
    assert box_overlaps([]).shape == mask_overlaps([], 50, 100).shape == (0,)
    assert mask_overlaps(people, None, 100).shape == (0,)


def test_masks_of_another_size_and_none_are_left_out():
    foreign = {"size": [9, 9], "counts": [0, 81]}
    people = [one(1, 0, (0, 0, 9, 9), segmentation=foreign), one(2, 0, (0, 0, 9, 9))]
    people.append(one(3, 0, (0, 0, 9, 9), segmentation=None))
    assert mask_overlaps(people, 50, 100).tolist() == [0]


def test_crowd_index():
    # in the first box: both own labelled joints, and those of the other at 12 and 18: 2 / 2;
    # in the second: its three, and of the first the one at 15: 1 / 3
    people = content(HALF)["annotations"]
    assert crowd_index(people[:2]) == pytest.approx((1 + 1 / 3) / 2)
    assert crowd_index(people[2:]) == 0
    assert crowd_index([]) is None


def test_a_crowd_index_is_at_most_one():
    inside = [(x, 5, 2) for x in range(1, 6)]
    people = content(
        [one(1, 0, (0, 0, 20, 10), [(5, 5, 2)] + [(0, 0, 0)] * 4), one(2, 0, (0, 0, 20, 9), inside)]
    )["annotations"]
    # five of the other for one own: 1; one of the other for five own: 0.2
    assert crowd_index(people) == pytest.approx(0.6)


def test_statistics_of_a_file():
    crowd = one(4, 1, (0, 0, 50, 50), iscrowd=1)
    counted = people_statistics(content([*HALF, crowd]))
    assert (counted.num_images, counted.num_people, counted.mask_share) == (3, 3, 1)
    assert counted.per_image.tolist() == [2, 1, 0]
    assert counted.heights.tolist() == [10, 10, 40]
    assert counted.image_pixels.tolist() == [5000] * 3
    assert counted.box_overlap == pytest.approx([1 / 3, 1 / 3, 0])
    assert counted.mask_overlap == pytest.approx([1 / 3, 1 / 3, 0])
    assert counted.crowd_index == pytest.approx([2 / 3, 0])
    # joints in rows; columns: not labelled, hidden, seen, outside
    assert counted.visibility.tolist() == [[0, 0, 3, 0], [1, 1, 0, 1], [2, 0, 1, 0]]


@pytest.mark.parametrize("num_images", [0, 2])
def test_nobody(num_images):
    counted = people_statistics(content([], num_images))
    assert (counted.num_people, counted.mask_share) == (0, 0)
    assert counted.per_image.tolist() == [0] * num_images
    assert counted.visibility.shape == (0, 4)
    assert visibility_rows(counted.visibility, []) == []
    assert [row["people"] for row in overlap_rows(counted.box_overlap)] == [0] * 6
    assert all(row["share"] is None for row in size_rows(counted.areas))


def test_rows():
    overlaps = overlap_rows(np.array([0, 0.05, 0.1, 0.29, 0.3, 0.5, 0.7, 1]))
    assert [row["people"] for row in overlaps] == [1, 1, 2, 1, 1, 2]
    sizes = size_rows(np.array([1023.0, 1024.0, 9215.0, 9216.0]))
    assert [row["people"] for row in sizes] == [1, 2, 1]
    images = per_image_rows(np.array([0, 1, 2, 4, 8, 17, 40]))
    assert [row["images"] for row in images] == [1, 1, 1, 1, 1, 0, 2]
    assert [row["people"] for row in images][3:] == ["3 to 4", "5 to 8", "9 to 16", "17 and more"]
    rows = visibility_rows(np.array([[1, 2, 3, 0], [4, 0, 0, 1]]), ["nose", "tail"])
    assert rows[0]["joint"] == "nose"
    assert list(rows[-1].values()) == ["all", 5, 2, 3, 1]
    assert [row["joint"] for row in visibility_rows(np.zeros((2, 4)), ["nose"])] == [
        "0",
        "1",
        "all",
    ]
