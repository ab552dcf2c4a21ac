import pytest
import torch

from bmp.segmenter_training.clicks import correction_click, draw_pixels, first_clicks, look_up
from tests.bmp.segmenter_training.test_losses import disc


def test_pixels_are_drawn_inside_the_mask():
    masks = torch.stack([disc(), disc(radius=0), torch.zeros(32, 32, dtype=torch.bool)])
    for _ in range(5):
        columns, rows = draw_pixels(masks).T
        assert masks[torch.arange(3), rows, columns].tolist() == [True, True, False]


def test_first_clicks_are_seen_joints_then_pixels_of_the_mask():
    masks = disc()[None].repeat(2, 1, 1)
    keypoints = torch.tensor([[[32.0, 32.0], [36.0, 30.0], [0.0, 0.0]]]).repeat(2, 1, 1)
    flags = torch.tensor([[2, 1, 0], [0, 0, 0]])
    points, used = first_clicks(keypoints, flags, masks, 3, 64)
    assert used.tolist() == [[True, False, False], [False] * 3]
    assert points[0, 0].tolist() == [32.0, 32.0]
    assert look_up(masks, points, 64).all()


def test_more_clicks_than_joints_come_from_the_mask():
    points, _ = first_clicks(torch.zeros(1, 1, 2), torch.zeros(1, 1), disc()[None], 3, 64)
    assert look_up(disc()[None], points, 64).all()


@pytest.mark.parametrize(
    ("predicted", "candidates", "label", "takes"),
    [
        pytest.param(torch.zeros(32, 32), True, 1, True, id="a missed joint is clicked"),
        pytest.param(torch.zeros(32, 32), False, 1, False, id="else a missed pixel"),
        pytest.param(torch.ones(32, 32), True, 0, False, id="or a surplus pixel"),
        pytest.param(disc(), True, 0, False, id="no error: background"),
    ],
)
def test_corrections_click_on_errors(predicted, candidates, label, takes):
    truth = disc()[None]
    points, labels, taken = correction_click(
        truth,
        predicted.bool()[None],
        torch.tensor([[[30.0, 34.0]]]),
        torch.tensor([[candidates]]),
        image_size=64,
    )
    assert labels.tolist() == [label]
    assert taken.tolist() == [[takes]]
    assert look_up(truth, points[:, None], 64).tolist() == [[label == 1]]
    if takes:
        assert points.tolist() == [[30.0, 34.0]]


def test_one_joint_is_taken_by_a_correction_and_the_others_stay():
    """Joints 1 and 2 are missed, joint 0 is found, joint 3 was clicked before."""
    truth = disc()[None].repeat(2, 1, 1)
    predicted = truth & (torch.arange(32) < 14)
    keypoints = torch.tensor([[24.0, 32.0], [36.0, 30.0], [32.0, 34.0], [34.0, 38.0]])
    candidates = torch.tensor([[True, True, True, False], [False] * 4])
    preference = torch.tensor([[0.9, 0.2, 0.6, 1.0]]).repeat(2, 1)
    points, labels, taken = correction_click(
        truth,
        predicted,
        keypoints.repeat(2, 1, 1),
        candidates,
        image_size=64,
        preference=preference,
    )
    assert taken.tolist() == [[False, False, True, False], [False] * 4]
    assert points[0].tolist() == [32, 34]
    assert labels.tolist() == [1, 1]
    assert look_up(truth & ~predicted, points[:, None], 64).all()  # the other: a missed pixel


def test_corrections_are_pixels_where_joints_are_never_preferred():
    truth = disc()[None]
    _, labels, taken = correction_click(
        truth,
        torch.zeros_like(truth),
        torch.full((1, 2, 2), 32.0),
        torch.ones(1, 2, dtype=torch.bool),
        image_size=64,
        keypoint_prob=0.0,
    )
    assert labels.tolist() == [1]
    assert not taken.any()


@pytest.mark.parametrize(
    ("preference", "first"),
    [
        pytest.param([0.60, 0.62], {1}, id="two steps of 0.01 apart"),
        pytest.param([0.6049, 0.5951], {0, 1}, id="of one step: at random"),
        pytest.param([0.3, 0.3], {0, 1}, id="equal"),
        pytest.param(None, {0, 1}, id="none"),
    ],
)
def test_preferred_joints_come_first_and_equal_ones_at_random(preference, first):
    keypoints = torch.tensor([[[30.0, 30.0], [34.0, 34.0]]])
    if preference is not None:
        preference = torch.tensor([preference])
    found, corrected = set(), set()
    for seed in range(30):
        torch.manual_seed(seed)
        _, used = first_clicks(
            keypoints, torch.full((1, 2), 2), disc()[None], 1, 64, preference=preference
        )
        _, _, taken = correction_click(
            disc()[None],
            ~disc()[None],
            keypoints,
            torch.ones(1, 2, dtype=torch.bool),
            image_size=64,
            preference=preference,
        )
        found.add(used[0].nonzero().item())
        corrected.add(taken[0].nonzero().item())
    assert found == corrected == first


def test_masks_are_looked_up_from_edge_to_edge():
    """Two image pixels per mask pixel; the first begins at -0.5."""
    mask = torch.ones(1, 4, 4, dtype=torch.bool)
    mask[0, 0, 1] = False
    points = [
        [-0.5, -0.5],
        [-0.6, 0],
        [0, -0.6],
        [7.4, 7.4],
        [7.5, 0],
        [0, 7.5],
        [1.5, 0],
        [1.4, 0],
    ]
    found = look_up(mask, torch.tensor([points]), 8)
    assert found.tolist() == [[True, False, False, True, False, False, False, True]]


def test_a_full_mask_that_is_right_is_clicked_inside():
    """There is no background to click on; the others of the batch are not changed by that."""
    full, half = torch.ones(32, 32, dtype=torch.bool), torch.arange(32).expand(32, 32) < 16
    truth = torch.stack([full, half, full])
    predicted = torch.stack([full, half, ~full])
    keypoints = torch.zeros(3, 1, 2)
    points, labels, _ = correction_click(
        truth, predicted, keypoints, torch.zeros(3, 1, dtype=torch.bool), image_size=64
    )
    assert labels.tolist() == [1, 0, 1]
    assert look_up(truth, points[:, None], 64).flatten().tolist() == [True, False, True]
