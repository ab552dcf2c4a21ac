"""Worked examples of the published functions, and what they got wrong."""

import numpy as np
import pytest
import torch

from mmpose.structures import find_min_padding_exact, fix_bbox_aspect_ratio

BOX = np.array([10.0, 10, 60, 100])
JOINTS = np.array([[5.0, 20], [40, 150], [0, 0]])
VISIBLE = np.array([2, 2, 0])


def test_the_window_keeps_the_centre():
    np.testing.assert_allclose(fix_bbox_aspect_ratio(BOX), [-6.875, -2.5, 93.75, 125])
    xyxy = fix_bbox_aspect_ratio(torch.tensor([[10.0, 10, 70, 110]]), bbox_format="xyxy")
    torch.testing.assert_close(xyxy, torch.tensor([[-6.875, -2.5, 86.875, 122.5]]))


def test_a_box_without_width_is_one_pixel_wide():
    np.testing.assert_allclose(
        fix_bbox_aspect_ratio(np.array([5.0, 5, 0, 0]), padding=1.0), [4.5, 5 - 2 / 3, 1, 4 / 3]
    )


@pytest.mark.parametrize(
    ("aspect_ratio", "expected"), [(3 / 4, [1.0, 1.8, -1]), (None, [1 + 1 / 6, 1.8, -1])]
)
def test_padding_of_the_published_example(aspect_ratio, expected):
    padding = find_min_padding_exact(BOX, JOINTS, VISIBLE, aspect_ratio)
    np.testing.assert_allclose(padding, expected, rtol=1e-5)


def test_an_even_number_of_joints_and_many_people_are_no_problem():
    joints = np.tile(JOINTS[:2], (3, 7, 1))  # 14 joints, as in AIC and CrowdPose
    padding = find_min_padding_exact(np.tile(BOX, (3, 1)), joints, np.ones((3, 14)))
    np.testing.assert_allclose(padding, np.tile([1.0, 1.8], (3, 7)))


def test_the_format_of_the_box_is_named():
    xyxy = np.array([10.0, 10, 70, 110])
    expected = find_min_padding_exact(BOX, JOINTS, VISIBLE)
    np.testing.assert_allclose(
        find_min_padding_exact(xyxy, JOINTS, VISIBLE, bbox_format="xyxy"), expected
    )
    with pytest.raises(ValueError, match="bbox_format must be one of"):
        find_min_padding_exact(BOX, JOINTS, VISIBLE, bbox_format="cxcywh")
    with pytest.raises(ValueError, match="keypoints must be"):
        find_min_padding_exact(BOX, JOINTS.ravel(), VISIBLE)


@pytest.mark.parametrize(("aspect_ratio", "expected"), [(3 / 4, [1.0, 20.0]), (None, [1.0, 21.0])])
def test_a_point_as_a_box_counts_as_a_pixel(aspect_ratio, expected):
    """Half a pixel round (10, 10) at 3 : 4 is 1 x 4/3; without the ratio the box has no inside."""
    point, joints = np.array([10.0, 10, 0, 0]), np.array([[10.0, 10], [20, 20]])
    padding = find_min_padding_exact(point, joints, np.ones(2), aspect_ratio)
    np.testing.assert_allclose(padding, expected)
