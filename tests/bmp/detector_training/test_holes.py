"""Counting false detections on holes: small rectangles, worked out by hand."""

import pytest
import torch

from bmp.detector_training.holes import find_holes_hit, match_people


def boxes(*corners):
    return torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)


def rectangles(*corners, shape=(20, 40)):
    masks = torch.zeros(len(corners), *shape, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, corners, strict=True):
        mask[y1:y2, x1:x2] = True
    return masks


# two people blacked out, 10 x 10 each: columns 0-9 and 20-29
REMOVED = ((0, 0, 10, 10), (20, 0, 30, 10))


def hits(detections, *, masks=True, matched=None, removed=REMOVED):
    """Which hole each detection hits; masks fill their boxes unless given."""
    if masks is True:
        masks = rectangles(*detections)
    if matched is None:
        matched = [False] * len(detections)
    return find_holes_hit(
        boxes(*detections),
        masks,
        is_matched=torch.tensor(matched, dtype=torch.bool),
        removed_bboxes=boxes(*removed),
        holes=rectangles(*removed),
    ).tolist()


@pytest.mark.parametrize(
    ("detection", "hole"),
    [
        pytest.param((0, 0, 10, 10), 0, id="the removed person"),
        pytest.param((20, 0, 30, 10), 1, id="the other one"),
        pytest.param((0, 0, 10, 3), 0, id="a third of the body: all paint"),
        pytest.param((5, 0, 15, 10), 0, id="half of the mask is paint"),
        pytest.param((6, 0, 16, 10), -1, id="40 of 100 pixels are paint"),
        pytest.param((3, 0, 26, 10), 0, id="across both: 7 and 6 of 23 columns"),
        pytest.param((6, 0, 25, 10), -1, id="across both: 4 and 5 of 19 columns"),
        pytest.param((12, 0, 18, 10), -1, id="wrong, but between the holes"),
    ],
)
def test_most_of_the_mask_is_paint(detection, hole):
    assert hits([detection]) == [hole]


def test_a_mask_across_two_holes_belongs_to_the_one_with_more_of_it():
    # columns 7-27: 3 in the first hole, 8 in the second: 110 of 210 pixels
    assert hits([(7, 0, 28, 10)]) == [1]


def test_who_is_left_is_no_false_detection():
    assert hits([(0, 0, 10, 10)], matched=[True]) == [-1]


def test_without_a_mask_the_box_decides():
    # IoU with the first removed: 1, 50 / 100, 40 / 100; the half of a body that lies inside, 0.5
    detections = [(0, 0, 10, 10), (0, 0, 10, 5), (0, 0, 10, 4), (20, 0, 25, 10)]
    assert hits(detections, masks=None) == [0, 0, -1, 1]
    empty = torch.zeros(4, 20, 40, dtype=torch.bool)
    assert hits(detections, masks=empty) == [0, 0, -1, 1]


def test_nobody_found_and_nobody_removed():
    assert hits([], masks=None) == []
    assert hits([], masks=rectangles()) == []
    assert hits([(0, 0, 10, 10)], removed=()) == [-1]


def test_the_best_detection_takes_a_person_and_the_next_one_another():
    people = boxes((0, 0, 10, 10), (2, 0, 12, 10))  # IoU of the two: 80 / 120
    # the first fits person 0 exactly; so does the second, which gets person 1 (IoU 0.67); nobody
    # remains for the third
    assert match_people(boxes(*[(0, 0, 10, 10)] * 3), people).tolist() == [0, 1, -1]
    assert match_people(boxes(*[(0, 0, 10, 10)] * 3), people, iou_thr=0.7).tolist() == [0, -1, -1]


def test_half_an_overlap_matches():
    person = boxes((0, 0, 10, 10))
    assert match_people(boxes((0, 0, 10, 5)), person).tolist() == [0]
    assert match_people(boxes((0, 0, 10, 4)), person).tolist() == [-1]


def test_matching_with_nobody():
    assert match_people(boxes(), boxes((0, 0, 10, 10))).tolist() == []
    assert match_people(boxes((0, 0, 10, 10)), boxes()).tolist() == [-1]
