"""Settings of UDPHeatmap and MSRAHeatmap beside the published configs' own."""

import cv2
import numpy as np
import pytest
import torch

from mmpose.codecs import MSRAHeatmap, OKSArgMaxHeatmap, UDPHeatmap

INPUT, CELLS = (192, 256), (48, 64)
# distance of neighbouring cells, crop pixels
STEP = torch.tensor([191 / 47, 255 / 63])


def at_cell(x, y, num_keypoints=1):
    return (torch.tensor([x, y]) * STEP).expand(1, num_keypoints, 2)


def test_combined_maps_hold_a_disc_and_the_way_to_its_middle():
    encoded = UDPHeatmap(INPUT, CELLS, heatmap_type="combined").encode(at_cell(20.25, 30.5))
    disc, across, down = encoded["heatmaps"][0]
    # radius 0.0546875 * 64 = 3.5 cells; 36 cell centres lie within it of (20.25, 30.5)
    ys, xs = np.mgrid[:64, :48]
    inside = (xs - 20.25) ** 2 + (ys - 30.5) ** 2 <= 3.5**2
    assert disc.sum() == inside.sum()
    assert disc[30, 23] == 1
    assert disc[30, 24] == 0
    assert across[30, 23] == pytest.approx((20.25 - 23) / 3.5, abs=1e-5)
    assert down[32, 20] == pytest.approx((30.5 - 32) / 3.5, abs=1e-5)
    assert encoded["keypoint_weights"].tolist() == [[1.0]]


def test_combined_maps_are_read_at_the_peak_that_opencv_blurs():
    torch.manual_seed(0)
    maps = torch.rand(2, 6, 64, 48)
    keypoints, scores = UDPHeatmap(INPUT, CELLS, heatmap_type="combined").decode(maps)
    for person in range(2):
        for joint in range(2):
            disc, across, down = maps[person, 3 * joint :][:3].numpy()
            disc = cv2.GaussianBlur(np.pad(disc, 20), (23, 23), 0)[20:-20, 20:-20]
            y, x = np.unravel_index(disc.argmax(), disc.shape)
            cell = [x + across[y, x] * 3.5, y + down[y, x] * 3.5]
            expected = np.array(cell) * [192 / 47, 256 / 63]
            np.testing.assert_allclose(keypoints[person, joint], expected, atol=1e-3)
            assert scores[person, joint].item() == pytest.approx(disc.max(), abs=1e-5)


@pytest.mark.parametrize(
    ("size", "cells"), [(INPUT, CELLS), ((288, 384), (72, 96)), ((96, 96), (24, 24))]
)
def test_combined_maps_survive_the_round_trip(size, cells):
    codec = UDPHeatmap(size, cells, heatmap_type="combined")
    torch.manual_seed(0)
    keypoints = 20 + torch.rand(5, 17, 2) * (torch.tensor(size) - 40.0)
    decoded, _ = codec.decode(codec.encode(keypoints)["heatmaps"])
    scale = (torch.tensor(size) - 1) / torch.tensor(size)
    assert (decoded * scale - keypoints).abs().max() < 1e-3  # pixels


@pytest.mark.parametrize("codec", [UDPHeatmap, OKSArgMaxHeatmap])
@pytest.mark.parametrize(("kernel_size", "reach"), [(11, 6), (5, 3)])
def test_steps_end_where_their_evidence_does(codec, kernel_size, reach):
    """On nearly flat maps the top of the quadratic is far away, or nowhere."""
    torch.manual_seed(1)
    maps = 1 - 1e-4 * torch.rand(8, 17, 64, 48)
    highest = maps.flatten(2).argmax(-1)
    cells = torch.stack([highest % 48, highest // 48], -1)
    far = {}
    for bounded in (True, False):
        decoder = codec(INPUT, CELLS, blur_kernel_size=kernel_size, bounded_steps=bounded)
        steps = decoder.decode(maps)[0] * torch.tensor([47 / 192, 63 / 256]) - cells
        far[bounded] = steps.abs().max().item()
    assert far[True] <= reach + 1e-3
    assert far[False] > reach


def test_a_wider_region_shows_joints_outside_the_crop():
    codec = UDPHeatmap(INPUT, CELLS, amap_scale=1.5)
    # the region is 288 x 384 from (-48, -64): one cell is 287 / 47 by 383 / 63 px
    joints = torch.tensor([[[-30.0, -40.0], [96.0, 128.0], [190.0, 260.0]]])
    encoded = codec.encode(joints)
    assert encoded["keypoint_weights"].tolist() == [[1.0] * 3]
    assert encoded["in_image"].all()
    assert not UDPHeatmap(INPUT, CELLS).encode(joints)["in_image"][0, 0]
    peak = divmod(int(encoded["heatmaps"][0, 0].argmax()), 48)
    assert peak == (round(24 / (383 / 63)), round(18 / (287 / 47)))
    decoded, _ = codec.decode(encoded["heatmaps"])
    off = decoded * torch.tensor([191 / 192, 255 / 256]) - joints
    assert off.abs().max() < 0.15 * 383 / 63


@pytest.mark.parametrize("heatmap_type", ["gaussian", "combined"])
def test_joints_at_least_half_visible_are_drawn(heatmap_type):
    """Others keep what weight they have, but leave their maps empty; 1e4 px away nothing counts."""
    joints = torch.cat([at_cell(10.0, 10.0, 4), torch.full((1, 2, 2), 1e4)], 1)
    visible = torch.tensor([[0.4, 0.5, 0.7, 1.0, 0.7, 0.4]])
    encoded = UDPHeatmap(INPUT, CELLS, heatmap_type=heatmap_type).encode(joints, visible)
    peaks = encoded["heatmaps"].flatten(2).amax(-1)[0]
    peaks = peaks[::3] if heatmap_type == "combined" else peaks
    torch.testing.assert_close(peaks, torch.tensor([0.0, 1, 1, 1, 0, 0]))
    weights = torch.tensor([[0.4, 0.5, 0.7, 1.0, 0.0, 0.4]])
    torch.testing.assert_close(encoded["keypoint_weights"], weights)
    assert encoded["annotated"].all()


def test_maps_add_up_to_the_asked_sum():
    far = torch.full((1, 1, 2), 1e4)
    joints = torch.cat([at_cell(10.0, 10.0, 2), far], 1)
    encoded = UDPHeatmap(INPUT, CELLS, normalize=2.0).encode(joints)
    torch.testing.assert_close(encoded["heatmaps"].sum((-2, -1)), torch.tensor([[2.0, 2.0, 0.0]]))


def test_each_joint_may_have_its_own_width():
    joints = at_cell(20.3, 30.2, 2)
    maps = UDPHeatmap(INPUT, CELLS, sigma=[1.5, 3.0]).encode(joints)["heatmaps"][0]
    for i, sigma in enumerate((1.5, 3.0)):
        alone = UDPHeatmap(INPUT, CELLS, sigma=sigma).encode(joints[:, :1])["heatmaps"][0, 0]
        torch.testing.assert_close(maps[i], alone)
    with pytest.raises(ValueError, match="2 sigmas for 3 keypoints"):
        UDPHeatmap(INPUT, CELLS, sigma=[1.5, 3.0]).encode(at_cell(1.0, 1.0, 3))


def test_joints_far_from_every_seen_joint_are_wider_and_lower():
    codec = UDPHeatmap(INPUT, CELLS, increase_sigma_with_padding=True)
    joints = torch.tensor([[[10.0, 10.0], [10.0, 30.0]]]) * STEP
    maps = codec.encode(joints, keypoints_visibility=torch.tensor([[1.0, 0.0]]))["heatmaps"][0]
    # 20 cells from the seen joint, the diagonal is 80: factor 1 + 2 * 20 / 80 = 1.5, sigma 3
    assert maps[0, 10, 10] == pytest.approx(1.0)
    assert maps[1, 30, 10] == pytest.approx(1 / 1.5)
    assert maps[1, 30, 13] == pytest.approx(np.exp(-0.5) / 1.5, abs=1e-5)
    unseen = codec.encode(joints, keypoints_visibility=torch.zeros(1, 2))["heatmaps"][0]
    assert unseen[0, 10, 10] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="needs keypoints_visibility"):
        codec.encode(joints)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"heatmap_type": "discs"}, "heatmap_type must be one of"),
        ({"heatmap_type": "combined", "normalize": 1.0}, "are about gaussians"),
        ({"amap_scale": 0}, "amap_scale, sigma > 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        UDPHeatmap(INPUT, CELLS, **settings)
    with pytest.raises(ValueError, match="three per joint"):
        UDPHeatmap(INPUT, CELLS, heatmap_type="combined").decode(torch.zeros(1, 17, 64, 48))


def test_unbiased_gaussians_stand_on_the_exact_keypoint():
    keypoint = torch.tensor([[[81.0, 122.0]]])  # 4 px a cell: (20.25, 30.5)
    heatmap = MSRAHeatmap(INPUT, CELLS, sigma=2, unbiased=True).encode(keypoint)["heatmaps"][0, 0]
    assert heatmap[30, 20] == pytest.approx(np.exp(-(0.25**2 + 0.5**2) / 8), abs=1e-6)
    assert heatmap[60, 40] == pytest.approx(np.exp(-(19.75**2 + 29.5**2) / 8), rel=1e-3)
    far = MSRAHeatmap(INPUT, CELLS, sigma=2, unbiased=True).encode(keypoint - 1000)
    assert far["keypoint_weights"].tolist() == [[0.0]]
    assert far["heatmaps"].max() == 0


@pytest.mark.parametrize(
    ("cell", "decoded"),
    [
        pytest.param((10, 20), (10.25, 20.25), id="inside"),
        pytest.param((1, 20), (1, 20.25), id="second column: along it alone"),
        pytest.param((0, 20), (0, 20), id="first column: not at all"),
        pytest.param((10, 1), (10.25, 1), id="second row"),
        pytest.param((10, 0), (10, 0), id="first row"),
        pytest.param((46, 62), (46.25, 62.25), id="last but one"),
        pytest.param((47, 20), (47, 20.25), id="last column"),
        pytest.param((10, 63), (10.25, 63), id="last row"),
    ],
)
def test_quarter_steps_go_to_the_higher_side_away_from_borders(cell, decoded):
    """Of the published rule: a step along x asks for 1 < x < w - 1 and 0 < y; 4 px a cell."""
    column, row = cell
    heatmap = torch.zeros(66, 50)
    heatmap[row, column] = 1
    heatmap[row + 1, column] = heatmap[row, column + 1] = 0.5
    codec = MSRAHeatmap(INPUT, CELLS, sigma=2)
    keypoints, scores = codec.decode(heatmap[None, None, :64, :48])
    torch.testing.assert_close(keypoints[0, 0], 4 * torch.tensor(decoded, dtype=torch.float32))
    assert scores.tolist() == [[1]]


def test_dark_finds_the_middle_of_a_gaussian():
    """The logarithm of a blurred gaussian is a parabola, whose top one Newton step reaches."""
    codec = MSRAHeatmap(INPUT, CELLS, sigma=2, unbiased=True)
    torch.manual_seed(0)
    keypoints = 60 + torch.rand(5, 17, 2) * torch.tensor([70.0, 130.0])
    decoded, scores = codec.decode(codec.encode(keypoints)["heatmaps"])
    assert (decoded - keypoints).abs().max() < 0.02 * 4
    assert scores.min() > 0.9


def test_steps_of_dark_are_bounded_too_where_asked():
    torch.manual_seed(1)
    maps = 1 - 1e-4 * torch.rand(8, 17, 64, 48)
    highest = maps.flatten(2).argmax(-1)
    cells = torch.stack([highest % 48, highest // 48], -1)
    far = {}
    for bounded in (True, False):
        decoder = MSRAHeatmap(INPUT, CELLS, sigma=2, unbiased=True, bounded_steps=bounded)
        steps = decoder.decode(maps)[0] / 4 - cells
        far[bounded] = steps.abs().max().item()
    assert far[True] <= 6 + 1e-3
    assert far[False] > 6
