import numpy as np
import pytest

from mmpose.datasets import GetBBoxCenterScale, MaskBackground, PhotometricDistortion, TopdownAffine
from mmpose.datasets.transforms.mask_noise import (
    change_outline,
    grow_by_cells,
    kernel_sizes,
    remove_cells,
    shrink_by_cells,
)
from mmpose.datasets.transforms.masking import dim_background, mask_window

SQUARE = [[20.0, 20.0, 60.0, 20.0, 60.0, 60.0, 20.0, 60.0]]
NOISE = {"erode_prob": 0.5, "erode_amount": 0.5, "dilate_prob": 0.5, "dilate_amount": 0.1}


@pytest.fixture(autouse=True)
def _seed():
    np.random.seed(0)


def square_mask(size=100):
    mask = np.zeros((size, size), np.uint8)
    mask[20:60, 20:60] = 1
    return mask


def make_sample(segmentation):
    sample = {
        "img": np.full((100, 100, 3), 100, np.uint8),
        "bbox": np.array([[20, 20, 60, 60]], np.float32),
        "segmentation": segmentation,
    }
    return GetBBoxCenterScale()(sample)


def test_the_background_loses_its_share_rounded_half_to_even():
    image = np.array([[[10, 2, 6]]], np.uint8)
    dimmed = dim_background(image, np.zeros((1, 1), np.uint8), 0.25)
    assert dimmed.tolist() == [[[8, 2, 4]]]  # 7.5, 1.5, 4.5
    assert dim_background(image, np.ones((1, 1), np.uint8), 0.25).tolist() == image.tolist()


def test_the_crop_is_dimmed_outside_the_mask():
    sample = TopdownAffine((96, 128))(MaskBackground(alpha=0.25)(make_sample(SQUARE)))
    assert sample["img"][64, 48].tolist() == [100] * 3  # the middle of the person
    assert sample["img"][4, 48].tolist() == [75] * 3
    assert sample["img"].shape == (128, 96, 3)


@pytest.mark.parametrize(
    "segmentation",
    [
        pytest.param(None, id="none"),
        pytest.param([], id="no polygon"),
        pytest.param({"size": [100, 100], "counts": [10000]}, id="empty"),
    ],
)
def test_without_a_mask_nothing_is_conditioned(segmentation):
    sample = MaskBackground(alpha=0.25, **NOISE)(make_sample(segmentation))
    assert sample["mask"] is None
    assert TopdownAffine((48, 64))(sample)["img"][4, 24].tolist() == [100] * 3


def test_every_format_of_a_mask_is_read():
    rle = {"size": [100, 100], "counts": [20 * 100 + 20, 40] + [60, 40] * 39 + [4040 - 60]}
    rle["counts"][-1] = 100 * 100 - sum(rle["counts"][:-1])
    masks = [MaskBackground()(make_sample(s))["mask"] for s in (SQUARE, rle)]
    assert (masks[1] == square_mask()).all()
    assert (masks[0] != masks[1]).mean() < 0.02


def test_conditioning_can_be_left_out_at_random():
    masks = [MaskBackground(prob=0.5)(make_sample(SQUARE))["mask"] for _ in range(100)]
    assert 30 < sum(mask is None for mask in masks) < 70


def test_noise_leaves_something_of_every_person():
    clean = MaskBackground()(make_sample(SQUARE))["mask"]
    overlaps = []
    for _ in range(100):
        noisy = MaskBackground(**NOISE)(make_sample(SQUARE))["mask"]
        assert set(np.unique(noisy)) <= {0, 1}
        overlaps.append((noisy & clean).sum() / (noisy | clean).sum())
    assert min(overlaps) > 0.35  # up to 4 of 10 cells are lost
    assert np.mean(overlaps) < 0.98


def test_noise_stays_near_the_person():
    rows, columns = mask_window(square_mask(), 1.25)
    assert (rows, columns) == (slice(15, 65), slice(15, 65))
    for _ in range(50):
        noisy = MaskBackground(**NOISE)(make_sample(SQUARE))["mask"]
        assert noisy[:14].sum() + noisy[67:].sum() == 0


def test_the_window_of_an_empty_mask_is_none():
    assert mask_window(np.zeros((5, 5), np.uint8), 1.25) is None


def test_cells_are_cut_out_of_a_region():
    mask = square_mask()
    cut = remove_cells(mask, num_cells=10, num_removed=4)
    assert (cut <= mask).all()
    assert 0.3 < cut.sum() / mask.sum() < 0.9
    assert remove_cells(mask, num_cells=10, num_removed=10).sum() == 0


def test_a_region_smaller_than_its_cells_is_left_alone():
    mask = np.zeros((9, 9), np.uint8)
    mask[4, 4] = 1
    assert (remove_cells(mask, num_cells=10, num_removed=4) == mask).all()


def test_shrinking_removes_and_growing_adds():
    mask = square_mask()
    for _ in range(20):
        assert (shrink_by_cells(mask, 0.5) <= mask).all()
        assert (grow_by_cells(mask, 0.1) >= mask).all()


def test_kernels_grow_with_the_area():
    assert kernel_sizes(3000) == (5, 5)
    assert kernel_sizes(30000) == (30, 10)


def test_outlines_move_by_half_the_kernel():
    mask = square_mask()
    assert change_outline(mask, grows=True, smooth=5, reach=5).sum() == 44**2
    assert change_outline(mask, grows=False, smooth=5, reach=5).sum() == 36**2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 1.5}, r"alpha must be in \[0, 1\]"),
        ({"erode_amount": 0.0}, r"erode_amount must be in \(0, 1\)"),
        ({"erode_prob": 0.7, "dilate_prob": 0.7}, "must not exceed 1"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        MaskBackground(**arguments)


def test_colours_change_and_stay_colours():
    distort = PhotometricDistortion()
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    results = [distort({"img": image.copy()})["img"] for _ in range(20)]
    assert all(result.dtype == np.uint8 and result.shape == image.shape for result in results)
    assert sum((result == image).all() for result in results) < 6
