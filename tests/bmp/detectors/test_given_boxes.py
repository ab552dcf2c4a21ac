import numpy as np
import pytest
import torch

from bmp.detectors import GivenBoxes
from tests.bmp.loop_parts import APART, NOBODY, RectangleDetector

BOXES = [np.array([[1, 2, 3, 4], [5, 6, 9, 9]]), np.zeros((0, 4))]
IMAGES = [np.zeros((10, 10, 3), np.uint8), np.zeros((20, 20, 3), np.uint8)]


def test_boxes_come_back_image_by_image():
    first, second = GivenBoxes(BOXES).detect(IMAGES)
    assert first.bboxes.tolist() == BOXES[0].tolist()
    assert first.bbox_scores.tolist() == [1.0, 1.0]
    assert "masks" not in first
    assert second.bboxes.shape == (0, 4)


def test_masks_and_scores_come_with_them():
    masks = [np.ones((2, 10, 10)), None]
    first, second = GivenBoxes(BOXES, masks, scores=[[0.5, 0.4], None]).detect(IMAGES)
    assert first.masks.all()
    assert first.masks.dtype == torch.bool
    assert first.bbox_scores.tolist() == pytest.approx([0.5, 0.4])
    assert "masks" not in second


def test_images_without_boxes_are_detected():
    boxes = [None, [[0, 0, 10, 10]], None]
    people = GivenBoxes(boxes, otherwise=RectangleDetector()).detect([APART, APART, NOBODY])
    assert people[0].bboxes.tolist() == [[60, 10, 90, 55], [5, 5, 25, 50]]
    assert people[1].bboxes.tolist() == [[0, 0, 10, 10]]
    assert len(people[2]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"bboxes": [np.zeros((2, 5))]}, r"got shape \(2, 5\)", id="no boxes"),
        pytest.param({"bboxes": [[[5, 5, 2, 9]]]}, "x2 >= x1", id="corners swapped"),
        pytest.param({"bboxes": BOXES, "scores": [[1.0]]}, "scores are of 1", id="scores"),
        pytest.param({"bboxes": BOXES, "masks": [None]}, "masks are of 1", id="masks"),
        pytest.param({"bboxes": [None]}, "a detector as otherwise", id="none"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GivenBoxes(**arguments)


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="for 2 images, but 1 came"):
        GivenBoxes(BOXES).detect(IMAGES[:1])
    with pytest.raises(ValueError, match=r"\(2, 10, 10\)"):
        GivenBoxes(BOXES, [np.ones((2, 9, 10)), None]).detect(IMAGES)
