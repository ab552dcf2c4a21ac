"""Where masks are evaluated, somebody without one is neither found nor missed."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmpose.evaluation.coco_evaluator import evaluate


def rle_of(x, y, w, h):
    mask = np.zeros((50, 60), np.uint8, order="F")
    mask[y : y + h, x : x + w] = 1
    rle = coco_mask.encode(mask)
    return {"size": [50, 60], "counts": rle["counts"].decode()}


@pytest.mark.parametrize("segmentation", [None, [], [[]], [[1, 1, 5, 5]], [[70, 1, 80, 1, 80, 9]]])
@pytest.mark.parametrize(
    "bbox", [[30, 10, 20, 20], [30.5, 10.25, 40, 60]], ids=["inside", "beyond"]
)
def test_the_box_of_somebody_without_a_mask_is_an_ignored_region(segmentation, bbox):
    person = {"image_id": 1, "category_id": 1, "iscrowd": 0}
    content = {
        "images": [{"id": 1, "height": 50, "width": 60}],
        "annotations": [
            {**person, "id": 1, "bbox": [5, 5, 20, 20], "segmentation": rle_of(5, 5, 20, 20)},
            {**person, "id": 2, "bbox": bbox, "segmentation": segmentation},
        ],
        "categories": [{"id": 1, "name": "person"}],
    }
    found = [
        {"image_id": 1, "category_id": 1, "score": score, "segmentation": rle_of(*where)}
        for score, where in ((0.9, (32, 12, 10, 10)), (0.8, (5, 5, 20, 20)))
    ]
    numbers = evaluate(content, found, "segm")
    assert (numbers.num_true, numbers.num_found) == (1, 1)
    assert numbers.stats["AP"] == pytest.approx(1)
