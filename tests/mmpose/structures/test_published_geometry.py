"""Boxes, warps and joints under the names and with the arguments of MMPose."""

import cv2
import numpy as np
import pytest
import torch
from torchvision.ops import box_iou, generalized_box_iou

from mmpose.structures.bbox import (
    bbox_areas,
    bbox_cs2xywh,
    bbox_cs2xyxy,
    bbox_overlaps,
    bbox_xywh2cs,
    get_udp_warp_matrix,
    get_warp_matrix,
)
from mmpose.structures.keypoint import flip_keypoints, keypoint_clip_border


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_centres_and_sizes_of_xywh_boxes(kind):
    box = kind([[10.0, 20, 30, 60], [0, 0, 4, 2]])
    center, scale = bbox_xywh2cs(box, padding=1.5)
    assert center.tolist() == [[25, 50], [2, 1]]
    assert scale.tolist() == [[45, 90], [6, 3]]
    assert bbox_cs2xywh(center, scale, padding=1.5).tolist() == box.tolist()
    assert bbox_cs2xyxy(center[0], scale[0], 1.5).tolist() == [10, 20, 40, 80]


@pytest.mark.parametrize(
    ("mode", "aligned", "expected"),
    [
        # 10 x 10 at (0, 0); 10 x 10 at (5, 5), 20 x 10 at (0, 0), apart at (20, 0)
        pytest.param("iou", False, [[25 / 175, 100 / 200, 0]], id="iou"),
        pytest.param("iof", False, [[25 / 100, 1, 0]], id="iof"),
        # hulls: 15 x 15, 20 x 10, 30 x 10
        pytest.param("giou", False, [[25 / 175 - 50 / 225, 0.5, -100 / 300]], id="giou"),
        pytest.param("iof", True, [25 / 100], id="partners"),
    ],
)
@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_overlaps_by_hand(mode, aligned, expected, kind):
    one = kind([[0.0, 0, 10, 10]])
    others = kind([[5.0, 5, 15, 15], [0, 0, 20, 10], [20, 0, 30, 10]])
    got = bbox_overlaps(one, others[:1] if aligned else others, mode, aligned)
    np.testing.assert_allclose(np.asarray(got), expected, atol=1e-6)


def test_overlaps_equal_torchvision():
    torch.manual_seed(0)
    first, second = (torch.rand(n, 2).repeat(1, 2) * 50 for n in (7, 5))
    first[:, 2:] += torch.rand(7, 2) * 40
    second[:, 2:] += torch.rand(5, 2) * 40
    torch.testing.assert_close(bbox_overlaps(first, second), box_iou(first, second))
    expected = generalized_box_iou(first, second)
    torch.testing.assert_close(bbox_overlaps(first, second, mode="giou"), expected)
    pairs = bbox_overlaps(first[:5], second, is_aligned=True)
    torch.testing.assert_close(pairs, box_iou(first[:5], second).diagonal())
    assert bbox_overlaps(first[:0], second).shape == (0, 5)
    batched = bbox_overlaps(first[None].repeat(2, 1, 1), second[None].repeat(2, 1, 1))
    torch.testing.assert_close(batched[1], box_iou(first, second))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"mode": "dice"}, "'giou', got 'dice'", id="mode"),
        pytest.param({"is_aligned": True}, "equal number", id="partners"),
    ],
)
def test_overlaps_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        bbox_overlaps(torch.zeros(2, 4), torch.zeros(3, 4), **arguments)
    with pytest.raises(ValueError, match=r"must be \(\.\.\., M, 4\)"):
        bbox_overlaps(torch.zeros(2, 5), torch.zeros(3, 4))


def turned(vector, degrees):
    angle = np.deg2rad(degrees)
    (x, y), cos, sin = vector, np.cos(angle), np.sin(angle)
    return np.array([x * cos - y * sin, x * sin + y * cos])


@pytest.mark.parametrize("inv", [False, True])
@pytest.mark.parametrize("rot", [0, 30, -90])
@pytest.mark.parametrize("shift", [(0, 0), (0.1, -0.2)])
def test_the_warp_equals_opencvs_of_three_points(rot, shift, inv):
    center, scale, size = np.array([50.0, 70]), np.array([60.0, 80]), (192, 256)
    middle = center + scale * shift
    half = turned([-30, 0], rot)  # to the left edge of the turned window
    source = np.float32([middle, middle + half, middle + np.array([-half[1], half[0]])])
    # the third point is a quarter turn further, as far away
    target = np.float32([[96, 128], [0, 128], [96, 128 - 96]])
    order = (target, source) if inv else (source, target)
    expected = cv2.getAffineTransform(*order)
    got = get_warp_matrix(center, scale, rot, size, shift=shift, inv=inv)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_a_free_aspect_ratio_fills_the_crop():
    matrix = get_warp_matrix([50, 70], [60, 40], 0, (192, 256), fix_aspect_ratio=False)
    # window x 20 to 80, y 50 to 90
    np.testing.assert_allclose(matrix @ [20, 50, 1], [0, 0], atol=1e-9)
    np.testing.assert_allclose(matrix @ [80, 90, 1], [192, 256], atol=1e-9)
    with pytest.raises(ValueError, match=r"must be \(2,\)"):
        get_warp_matrix([[50, 70]], [60, 40], 0, (192, 256))


def test_the_udp_warp_maps_borders_on_borders():
    matrix = get_udp_warp_matrix(np.array([50.0, 70]), np.array([60.0, 80]), 0.0, (192, 256))
    np.testing.assert_allclose(matrix @ [20, 30, 1], [0, 0], atol=1e-9)
    np.testing.assert_allclose(matrix @ [80, 110, 1], [191, 255], atol=1e-9)


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
@pytest.mark.parametrize("deep", [False, True])
def test_flipped_joints_swap_sides_and_flags(kind, deep):
    keypoints = kind([[[1.0, 2], [3, 4], [9, 5]]])
    visible = kind([[1, 0, 2]])
    visible = visible[..., None] if deep else visible
    got, flags = flip_keypoints(keypoints, visible, (10, 20), [1, 0, 2])
    assert got.tolist() == [[[6, 4], [8, 2], [0, 5]]]  # x to 9 - x
    assert flags.reshape(-1).tolist() == [0, 1, 2]
    assert flags.shape == visible.shape
    assert flip_keypoints(keypoints, None, (10, 20), [0, 1, 2])[1] is None
    assert flip_keypoints(keypoints, [1, 0, 2], 10).tolist() == got.tolist()


@pytest.mark.parametrize("direction", ["vertical", "diagonal"])
def test_other_flips_are_out_of_scope(direction):
    with pytest.raises(ValueError, match="left to right only"):
        flip_keypoints(np.zeros((1, 1, 2)), np.zeros((1, 1)), (4, 4), [0], direction=direction)


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_joints_outside_the_image_lose_their_flag(kind):
    keypoints = kind([[[0.0, 0], [29, 19], [31, 5], [5, 21], [-1, 5], [5, -0.5]]])
    visible = kind([[1.0, 2, 1, 1, 1, 1]])
    same, flags = keypoint_clip_border(keypoints, visible, (30, 20))
    assert same is keypoints
    assert flags.tolist() == [[1, 2, 0, 0, 0, 0]]
    assert visible.tolist() == [[1, 2, 1, 1, 1, 1]]
    weighted = kind(np.stack([np.asarray(visible), np.full((1, 6), 0.5)], -1))
    _, flags = keypoint_clip_border(keypoints, weighted, (30, 20))
    assert flags[0, :, 0].tolist() == [1, 2, 0, 0, 0, 0]
    assert flags[0, :, 1].tolist() == [0.5] * 6


def test_boxes_overlap_by_their_common_area():
    bboxes = torch.tensor([[0.0, 0, 10, 10], [5, 5, 15, 15], [3, 3, 3, 3]])
    expected = torch.tensor([[1, 25 / 175, 0], [25 / 175, 1, 0], [0, 0, 0]])
    torch.testing.assert_close(bbox_overlaps(bboxes, bboxes), expected)
    assert bbox_overlaps(bboxes, bboxes[:0]).shape == (3, 0)
    torch.testing.assert_close(bbox_areas(bboxes), torch.tensor([100.0, 100, 0]))
