"""Boxes in any direction, and what is left out of a file told by name and count."""

import cv2
import numpy as np
import pytest

from mmpose.datasets.coco_file import complete_annotations
from mmpose.datasets.result_records import complete_results
from mmpose.structures import mask_to_rle
from tests.mmpose.datasets.tiny_people import HEIGHT, WIDTH, person


def one_person(**fields):
    images = [{"id": 4, "file_name": "4.png", "width": WIDTH, "height": HEIGHT}]
    categories = [{"id": 1, "name": "person"}]
    annotation = {**person(1, 4, 10, 15), **fields}
    return {"images": images, "annotations": [annotation], "categories": categories}


@pytest.fixture
def told(monkeypatch):
    lines = []
    for module in ("oddities", "result_records"):
        name = f"mmpose.datasets.{module}.print_log"
        monkeypatch.setattr(name, lambda line, **_: lines.append(line))
    return lines


@pytest.mark.parametrize(
    ("drawn", "meant"),
    [
        ([10, 5, -4, 8], [6, 5, 4, 8]),
        ([10, 5, 4, -8], [10, -3, 4, 8]),
        ([3, -5, -4, 8], [-1, -5, 4, 8]),  # a corner outside stays where it is
    ],
)
def test_boxes_of_a_negative_side_are_turned_round_and_counted(drawn, meant, told):
    (annotation,) = complete_annotations(one_person(bbox=drawn))["annotations"]
    assert annotation["bbox"] == meant
    assert ["negative side" in line for line in told] == [True]


def test_masks_of_another_size_than_the_image_are_ignored_and_counted(tmp_path, told):
    cv2.imwrite(str(tmp_path / "4.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    content = one_person(segmentation=mask_to_rle(np.ones((HEIGHT // 2, WIDTH), bool)))
    (annotation,) = complete_annotations(content, folder=str(tmp_path))["annotations"]
    assert annotation["segmentation"] is None
    assert any("masks of another size" in line and "annotation 1" in line for line in told)


def test_results_taken_as_people_are_told(told):
    content = complete_annotations(one_person())
    found = {"image_id": 4, "category_id": 7, "score": 0.5, "bbox": [5, 5, 4, 4]}
    assert complete_results([found], content, "r.json")[0]["category_id"] == 1
    assert any("all results are of category 7, people are 1" in line for line in told)
