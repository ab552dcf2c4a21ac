"""The record of people: what it takes, what it refuses, boxes of masks."""

import copy
import doctest
import pickle

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

import bmp.structures
from bmp.structures import (
    FIELD_RANKS,
    People,
    check_people,
    concatenate_people,
    empty_people,
    make_people,
    masks_to_bboxes,
    with_fields,
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


def three_people():
    return make_people(
        torch.arange(12.0).reshape(3, 4),
        masks=torch.eye(3, dtype=torch.bool)[:, None].expand(3, 5, 3),
        keypoints=torch.zeros(3, 17, 2),
        iteration=torch.tensor([0, 0, 1]),
    )


def test_examples_of_the_docstrings_are_true():
    assert doctest.testmod(bmp.structures) == (0, 4)


def test_editors_know_every_field():
    assert list(People.__annotations__) == list(FIELD_RANKS)


@pytest.mark.parametrize(
    ("people", "line"),
    [
        (three_people(), "3 people, 5×3, masks, 17 joints, found in turns 2 + 1"),
        (three_people()[2], "1 person, 5×3, masks, 17 joints, found in turn 2"),
        (three_people()[:2], "2 people, 5×3, masks, 17 joints, found in turn 1"),
        (three_people()[:0], "0 people, 5×3, masks, 17 joints"),
        (make_people(torch.zeros(2, 4), heatmaps=torch.zeros(2, 17, 64, 48)), None),
        (make_people(torch.zeros(0, 4)), "0 people"),
    ],
)
def test_people_introduce_themselves_in_one_line(people, line):
    assert repr(people) == f"<People: {line or '2 people, heatmaps 64×48'}>"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (0, [0]),
        (-1, [2]),
        (np.int64(1), [1]),
        (torch.tensor(2), [2]),
        (slice(1, None), [1, 2]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        ([], []),
        ([True, False, True], [0, 2]),
        (np.array([1, -1], np.int32), [1, 2]),
        (np.array([], int), []),
        (torch.tensor([False, True, False]), [1]),
        (torch.tensor([1, 1]), [1, 1]),
    ],
)
def test_some_of_the_people_are_people_again(item, expected):
    people = three_people()
    some = people[item]
    assert type(some) is People
    assert some.bboxes[:, 0].tolist() == [4.0 * n for n in expected]
    assert some.masks.shape == (len(expected), 5, 3)
    assert (len(some), some.keys()) == (len(expected), people.keys())


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        (3, IndexError, "no person 3 among 3 people"),
        (-4, IndexError, "no person -4 among 3 people"),
        ([True, False], IndexError, "2 bools cannot select among 3 people"),
        (torch.zeros(4, dtype=torch.bool), IndexError, "4 bools cannot"),
        (torch.zeros(3, dtype=torch.uint8), TypeError, r"got torch\.uint8 of shape \(3,\)"),
        ([0.5], TypeError, "whole numbers, got torch.float32"),
        ([[0]], TypeError, r"of shape \(1, 1\)"),
        ((0, 1), TypeError, r"got \(0, 1\)"),
        (True, TypeError, "got True"),
    ],
)
def test_a_wrong_selection_is_refused(item, error, message):
    with pytest.raises(error, match=message):
        three_people()[item]


def test_iteration_gives_records_of_one_person():
    assert [person.iteration.tolist() for person in three_people()] == [[0], [0], [1]]
    assert list(three_people()[:0]) == []


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("hats", torch.ones(3), ValueError, "no field 'hats'; known fields: bboxes"),
        ("scores", [1, 2, 3], TypeError, "scores must be a tensor, got list"),
        ("scores", torch.ones(2), ValueError, "scores has 2 rows, but there are 3 people"),
        ("scores", torch.ones(3, 1), ValueError, "of rank 1, got"),
        ("scores", torch.ones(3, device="meta"), ValueError, r"on meta.*people\.to\(device\)"),
        ("presence", torch.ones(3, 23), ValueError, "one number of joints.*'presence': 23"),
    ],
)
def test_fields_are_checked_however_they_are_set(name, value, error, message):
    people = three_people()
    with pytest.raises(error, match=message):
        setattr(people, name, value)
    with pytest.raises(error, match=message):
        people[name] = value
    with pytest.raises(error, match=message):
        with_fields(people, **{name: value})
    assert name not in people


def test_nobody_takes_fields_of_nobody_alone():
    nobody = three_people()[:0]
    nobody.scores = torch.zeros(0)
    with pytest.raises(ValueError, match="bbox_scores has 1 rows, but there are 0 people"):
        nobody.bbox_scores = torch.zeros(1)
    with pytest.raises(ValueError, match="bboxes has 2 rows, but there are 0 people"):
        nobody.bboxes = torch.zeros(2, 4)


def test_a_field_that_is_set_is_cast():
    people = three_people()
    people.masks = torch.ones(3, 2, 2)
    people["iteration"] = torch.zeros(3)
    assert (people.masks.dtype, people.iteration.dtype) == (torch.bool, torch.int64)


def test_a_copy_with_other_fields_leaves_the_first_alone():
    people = three_people()
    changed = with_fields(people, iteration=torch.ones(3), scores=torch.ones(3))
    assert (people.iteration.tolist(), "scores" in people) == ([0, 0, 1], False)
    assert (changed.iteration.tolist(), "scores" in changed) == ([1, 1, 1], True)
    assert changed.masks is people.masks


def test_a_plain_record_of_another_detector_becomes_ours():
    plain = InstanceData(bboxes=torch.zeros(1, 4), masks=torch.ones(1, 2, 3, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"masks must be torch\.bool"):
        check_people(plain)
    people = with_fields(plain, scores=torch.ones(1))
    assert (type(people), people.masks.dtype) == (People, torch.bool)
    assert type(concatenate_people(people, people)) is People
    with pytest.raises(ValueError, match="no field 'labels'"):
        with_fields(InstanceData(bboxes=torch.zeros(1, 4), labels=torch.ones(1)))
    with pytest.raises(ValueError, match="need bboxes"):
        check_people(InstanceData(scores=torch.zeros(1)))


def test_what_mmengine_does_with_records_gives_ours():
    people = three_people()
    for same in (people.cpu(), people.to("cpu"), people.clone(), people.new(), people.detach()):
        assert type(same) is People
        assert torch.equal(same.bboxes, people.bboxes)
    assert len(InstanceData.cat([people, people[:1]])) == 4
    for same in (pickle.loads(pickle.dumps(people)), copy.deepcopy(people)):
        assert repr(same) == repr(people)
    assert people.numpy().masks.dtype == bool
    assert people.to("meta")[:1].masks.device.type == "meta"
    assert "scores" not in people
    assert people.get("scores") is None


def test_the_box_of_a_mask_ends_behind_its_last_pixel():
    masks = torch.zeros(3, 6, 8, dtype=torch.bool)
    masks[0, 5, 3] = True  # one pixel at x = 3, y = 5
    masks[1, 1:3, 2:7] = True
    fallback = torch.tensor([[9.0, 9, 9, 9]]).repeat(3, 1)
    expected = torch.tensor([[3.0, 5, 4, 6], [2, 1, 7, 3], [9, 9, 9, 9]])
    torch.testing.assert_close(masks_to_bboxes(masks, fallback), expected)
    assert masks_to_bboxes(masks[:0], fallback[:0]).shape == (0, 4)
