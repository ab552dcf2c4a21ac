"""People pasted into samples of the detector."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmdet.datasets.transforms import PackDetInputs
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from bmp.detector_training import CopyPastePeople

SHAPE = (20, 30)
BOX = [2, 2, 12, 18]  # 10 × 16 pixels, centre (7, 10)
IN_THE_MIDDLE = {"num": (1, 1), "reach": (0, 0), "behind_prob": 0, "flip_prob": 0}


@pytest.fixture
def people(tmp_path) -> dict:
    """Somebody of 20 × 8 pixels, all of value 90, cut out of another image."""
    cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 60, 3), 90, np.uint8))
    corners = [[4, 4, 24, 4, 24, 12, 4, 12]]
    somebody = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 160}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "annotations": [somebody | {"bbox": [4, 4, 20, 8], "segmentation": corners}],
        "categories": [{"id": 1, "name": "person"}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    return {"ann_file": "annotations.json", "data_root": str(tmp_path), "min_area": 0}


def make_results(num_people=1, *, is_crowd=False, has_polygons=False) -> dict:
    x1, y1, x2, y2 = BOX
    masks = np.zeros((num_people, *SHAPE), np.uint8)
    masks[:, y1:y2, x1:x2] = 1
    corners = [[np.array([x1, y1, x2, y1, x2, y2, x1, y2])]] * num_people
    # looser than the mask, as annotated boxes are
    loose = torch.tensor([[1.0, 1, 13, 19]] * num_people).reshape(-1, 4)
    return {
        "img": np.full((*SHAPE, 3), 200, np.uint8),
        "gt_bboxes": HorizontalBoxes(loose),
        "gt_bboxes_labels": np.zeros(num_people, np.int64),
        "gt_ignore_flags": np.full(num_people, is_crowd),
        "gt_masks": (PolygonMasks if has_polygons else BitmapMasks)(
            corners if has_polygons else masks, *SHAPE
        ),
    }


@pytest.mark.parametrize("has_polygons", [True, False])
def test_a_pasted_person_is_annotated_and_takes_pixels(people, has_polygons):
    """Half of 16 rows high, so of its own size, at columns -3 to 16 and rows 6 to 13."""
    transform = CopyPastePeople(people, prob=1.0, placing=IN_THE_MIDDLE | {"scale": (0.5, 0.5)})
    results = transform(make_results(has_polygons=has_polygons))
    assert results["gt_bboxes"].tensor.tolist() == [BOX, [0, 6, 17, 14]]
    assert results["gt_masks"].masks.sum((1, 2)).tolist() == [160 - 80, 8 * 17]
    assert (results["img"][6:14, :17] == 90).all()
    assert (results["img"][14:] == 200).all()
    assert results["gt_bboxes_labels"].tolist() == [0, 0]
    assert results["gt_ignore_flags"].tolist() == [False, False]
    packed = PackDetInputs(meta_keys=())(results)["data_samples"].gt_instances
    assert len(packed) == 2


def test_whom_nobody_covers_stays_as_annotated(people):
    placing = IN_THE_MIDDLE | {"scale": (0.5, 0.5), "behind_prob": 1, "min_visible": 0}
    results = CopyPastePeople(people, prob=1.0, placing=placing)(make_results())
    assert results["gt_bboxes"].tensor.tolist() == [[1, 1, 13, 19], [0, 6, 17, 14]]
    assert results["gt_masks"].masks.sum((1, 2)).tolist() == [160, 8 * 17 - 80]
    assert (results["img"][6:14, :2] == 90).all()
    assert (results["img"][2:18, 2:12] == 200).all()


def test_crowd_regions_stay(people):
    placing = IN_THE_MIDDLE | {"scale": (0.5, 0.5)}
    results = CopyPastePeople(people, prob=1.0, placing=placing)(make_results(is_crowd=True))
    assert results["gt_masks"].masks.sum((1, 2)).tolist() == [160, 8 * 17]
    assert results["gt_bboxes"].tensor[0].tolist() == [1, 1, 13, 19]
    assert results["gt_ignore_flags"].tolist() == [True, False]


@pytest.mark.parametrize("has_polygons", [True, False])
def test_an_image_without_people(people, has_polygons):
    np.random.seed(0)
    placing = {"num": (2, 2), "min_visible": 0.1, "reach": (0, 0)}
    results = CopyPastePeople(people, prob=1.0, placing=placing)(
        make_results(0, has_polygons=has_polygons)
    )
    count = len(results["gt_masks"])
    assert 1 <= count <= 2
    assert results["gt_masks"].masks.max(0).sum() == results["gt_masks"].masks.sum()
    assert results["gt_bboxes"].tensor.shape == (count, 4)
    assert len(results["gt_bboxes_labels"]) == len(results["gt_ignore_flags"]) == count


def test_never_changes_nothing(people):
    results = CopyPastePeople(people, prob=0.0)(make_results(has_polygons=True))
    assert isinstance(results["gt_masks"], PolygonMasks)
    assert len(results["gt_masks"]) == 1
    assert (results["img"] == 200).all()


def test_masks_are_needed(people):
    with pytest.raises(ValueError, match="after LoadAnnotations"):
        CopyPastePeople(people, prob=1.0)({"img": np.zeros((4, 4, 3), np.uint8)})
