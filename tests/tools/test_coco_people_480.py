import runpy
from pathlib import Path

import pytest

TOOL = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "datasets" / "coco_people_480.py"))
JOINTS = [5.0, 5.0, 2] * 17


def person(ann_id, bbox, keypoints=JOINTS, **extra):
    num_keypoints = sum(v > 0 for v in keypoints[2::3])
    return {
        "id": ann_id,
        "image_id": 1,
        "bbox": bbox,
        "iscrowd": 0,
        "keypoints": keypoints,
        "num_keypoints": num_keypoints,
        **extra,
    }


def content(*people):
    image = {"id": 1, "file_name": "1.jpg", "width": 100, "height": 100}
    return {"images": [image], "annotations": list(people), "categories": [{"id": 1}]}


def test_a_person_of_both_files_comes_once_with_the_mask():
    masks = content(person(700, [0.2, 0, 10, 10], segmentation=[[0, 0, 1, 0, 1, 1]]))
    poses = content(person(1, [0, 0, 10, 10]), person(2, [50, 50, 10, 10]))
    people = TOOL["join_annotations"](poses, masks)["annotations"]
    assert [p["id"] for p in people] == [700, 703]  # 701 + 2: beyond the ids of the masks
    assert [bool(p.get("segmentation")) for p in people] == [True, False]


def test_people_without_keypoints_are_left_out():
    masks = content(person(700, [0, 0, 9, 9], keypoints=[0, 0, 0] * 17))
    poses = content(person(1, [50, 50, 10, 10]))
    assert len(TOOL["join_annotations"](poses, masks)["annotations"]) == 1


def test_people_only_the_masks_have_are_kept():
    masks = content(person(700, [0, 0, 9, 9], keypoints=[1, 1, 2] * 17))
    joined = TOOL["join_annotations"](content(person(1, [50, 50, 10, 10])), masks)
    assert {p["id"] for p in joined["annotations"]} == {700, 702}
    assert len(joined["images"]) == 1


@pytest.mark.parametrize(
    ("other", "expected"),
    [([0, 0, 10, 10], 1.0), ([5, 0, 10, 10], 1 / 3), ([20, 20, 5, 5], 0.0)],
)
def test_overlap_of_boxes(other, expected):
    assert TOOL["bbox_iou"]([0, 0, 10, 10], other) == pytest.approx(expected)
