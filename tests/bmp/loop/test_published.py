"""What the published code does differently, in numbers worked out by hand."""

import math

import pytest
import torch

from bmp.loop import published, suppression

BOX = torch.tensor([100.0, 100, 120, 140])  # three times as large: (80, 60) to (140, 180)


@pytest.mark.parametrize(
    ("joint", "d2"),
    [
        pytest.param((80, 60), 0, id="a corner"),
        pytest.param((140, 180), 0, id="the other corner"),
        pytest.param((110, 120), 0, id="the middle"),
        pytest.param((72, 100), 64, id="8 px to the left"),
        pytest.param((148, 100), 64, id="8 px to the right"),
        pytest.param((110, 56), 16, id="4 px above"),
        pytest.param((146, 188), 100, id="6 px to the right and 8 px below"),
    ],
)
def test_similarity_falls_with_the_distance_to_the_enlarged_box(joint, d2):
    bboxes_xywh = torch.tensor([[100.0, 100, 20, 40], [0, 0, 1000, 1000]])
    keypoints = torch.tensor([[joint, (110.0, 120)], [(110.0, 120)] * 2]).double()
    sigmas = (0.1, 0.05)
    similarity = published.similarity_to_enlarged_bbox(
        keypoints, bboxes_xywh, torch.tensor([800.0, 1e6]), sigmas
    )
    own = math.exp(-d2 / (2 * 0.2**2 * 800))  # of the first joint; the second is inside
    expected = torch.tensor([[(own + 1) / 2, 1], [1, 1]]).double()
    torch.testing.assert_close(similarity, expected)


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        pytest.param((85, 65), [False, True], id="in the upper left of the enlarged box"),
        pytest.param((139, 179), [False, True], id="in its lower right"),
        pytest.param((70, 65), [True, True], id="to the left of it"),
        pytest.param((139, 195), [True, True], id="below it"),
    ],
)
def test_a_pose_without_joints_is_lost_to_one_in_its_enlarged_box(place, kept):
    keypoints = torch.stack([torch.full((17, 2), 110.0), torch.tensor(place).expand(17, 2)])
    scores = torch.tensor([[0.1], [0.9]]).expand(2, 17)
    bboxes = torch.stack([BOX, torch.tensor([0.0, 0, 300, 300])])
    settings = {"confidence_thr": 0.5, "oks_thr": 0.8}
    for items, expected in ((["nms_empty"], kept), ([], [True, True])):
        stay = published.pose_nms(keypoints, scores, bboxes, items=frozenset(items), **settings)
        assert stay.tolist() == expected


@pytest.mark.parametrize(
    ("score", "kept"),
    [
        pytest.param(0.49, [False, True], id="below"),
        pytest.param(0.5, [False, True], id="at the threshold: does not count"),
        pytest.param(0.51, [True, False], id="above"),
    ],
)
def test_of_two_equal_poses_the_one_with_more_confident_joints_stays(score, kept):
    keypoints = (10 * torch.arange(34.0)).view(1, 17, 2).repeat(2, 1, 1)
    scores = torch.full((2, 17), score)
    scores[1, 2:] = 0.1
    scores[0, :1] = scores[1, :2] = 0.9
    bboxes = torch.tensor([[0.0, 0, 340, 340]]).repeat(2, 1)
    settings = {"confidence_thr": 0.5, "oks_thr": 0.8}
    assert suppression.pose_nms(keypoints, scores, bboxes, **settings).tolist() == kept
    for items in (frozenset(), frozenset(["nms_column"])):
        assert (
            published.pose_nms(keypoints, scores, bboxes, items=items, **settings).tolist() == kept
        )


def test_boxes_misread():
    bboxes = torch.tensor([[1.0, 2, 10, 20], [0, 0, 5, 6]])
    assert published.misread_bboxes(bboxes).tolist() == [[1, 2, 11, 22], [0, 0, 5, 6]]
    assert published.misread_bboxes(bboxes[:0]).shape == (0, 4)
