"""The record of people: what it takes, what it refuses, boxes of masks."""

import pytest
import torch

from bmp.structures import (
    check_people,
    concatenate_people,
    empty_people,
    make_people,
    masks_to_bboxes,
)


def test_fields_are_cast_to_their_types():
    people = make_people(
        torch.tensor([[0, 0, 2, 3]]),
        bbox_scores=torch.tensor([0.5], dtype=torch.float64),
        masks=torch.ones(1, 4, 5, dtype=torch.uint8),
        iteration=torch.tensor([1], dtype=torch.int32),
    )
    assert people.bboxes.dtype == people.bbox_scores.dtype == torch.float32
    assert people.masks.dtype == torch.bool
    assert people.iteration.dtype == torch.int64


def test_nobody_has_every_field_at_full_rank():
    people = empty_people((4, 5), num_keypoints=17)
    assert people.bboxes.shape == (0, 4)
    assert people.masks.shape == (0, 4, 5)
    assert people.keypoints.shape == (0, 17, 2)
    assert people.presence.shape == people.visibility.shape == (0, 17)
    check_people(people)


def test_boxes_without_elements_become_boxes_of_nobody():
    assert make_people(torch.zeros(0)).bboxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        pytest.param({"masks": [1]}, TypeError, "masks must be a tensor, got list", id="list"),
        pytest.param({"hats": torch.ones(2)}, ValueError, "no field 'hats'", id="unknown"),
        pytest.param({"scores": torch.ones(3)}, ValueError, "scores has 3 rows", id="length"),
        pytest.param({"scores": torch.ones(2, 1)}, ValueError, "of rank 1, got", id="rank"),
        pytest.param({"keypoints": torch.ones(2, 5, 3)}, ValueError, r"\(N, K, 2\)", id="columns"),
    ],
)
def test_a_wrong_field_is_refused(fields, error, message):
    with pytest.raises(error, match=message):
        make_people(torch.zeros(2, 4), **fields)


def test_boxes_must_have_four_columns():
    with pytest.raises(ValueError, match=r"\(N, 4\) xyxy, got \(2, 5\)"):
        make_people(torch.zeros(2, 5))


def test_records_are_joined_in_order():
    first = make_people(torch.zeros(1, 4), scores=torch.tensor([0.1]))
    second = make_people(torch.ones(2, 4), scores=torch.tensor([0.2, 0.3]))
    joined = concatenate_people(first, second)
    torch.testing.assert_close(joined.scores, torch.tensor([0.1, 0.2, 0.3]))
    assert len(concatenate_people(first, second[:0])) == 1


def test_records_of_different_fields_are_not_joined():
    with pytest.raises(ValueError, match="cannot be joined"):
        concatenate_people(
            make_people(torch.zeros(1, 4)), make_people(torch.zeros(1, 4), scores=torch.ones(1))
        )


def test_the_box_of_a_mask_ends_behind_its_last_pixel():
    masks = torch.zeros(3, 6, 8, dtype=torch.bool)
    masks[0, 5, 3] = True  # one pixel at x = 3, y = 5
    masks[1, 1:3, 2:7] = True
    fallback = torch.tensor([[9.0, 9, 9, 9]]).repeat(3, 1)
    expected = torch.tensor([[3.0, 5, 4, 6], [2, 1, 7, 3], [9, 9, 9, 9]])
    torch.testing.assert_close(masks_to_bboxes(masks, fallback), expected)
    assert masks_to_bboxes(masks[:0], fallback[:0]).shape == (0, 4)
