"""Small holes are filled and small specks dropped."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from bmp.segmenters.clean_up import clean_up, small_parts

IMAGE = ["........", ".####..#", ".#.##.#.", ".####...", "........"]


def as_logits(rows):
    return torch.tensor([[2.0 if cell == "#" else -2.0 for cell in row] for row in rows])[None]


@pytest.mark.parametrize(
    ("limits", "changed"),
    [
        pytest.param({}, {}, id="nothing asked for"),
        pytest.param({"max_hole_area": 1}, {(2, 2): 10}, id="the hole"),
        pytest.param({"max_sprinkle_area": 1}, {}, id="the speck has two pixels, by their corner"),
        pytest.param({"max_sprinkle_area": 2}, {(1, 7): -10, (2, 6): -10}, id="the speck"),
        pytest.param(
            {"max_hole_area": 2, "max_sprinkle_area": 2},
            {(2, 2): 10, (1, 7): -10, (2, 6): -10},
            id="both",
        ),
    ],
)
def test_small_parts_change_sides(limits, changed):
    expected = as_logits(IMAGE)
    for (row, column), value in changed.items():
        expected[0, row, column] = value
    assert torch.equal(clean_up(as_logits(IMAGE), **limits), expected)


def test_masks_do_not_touch_each_other_and_agree_with_scipy():
    logits = torch.from_numpy(np.random.RandomState(0).randn(7, 20, 30)).float()
    cleaned = clean_up(logits, max_hole_area=6, max_sprinkle_area=9) > 0
    for mask, answer in zip((logits > 0).numpy(), cleaned.numpy(), strict=True):
        expected = mask.copy()
        for parts, limit in ((~mask, 6), (mask, 9)):
            labels, _ = ndimage.label(parts, structure=np.ones((3, 3)))
            areas = np.bincount(labels.ravel())
            expected ^= (areas[labels] <= limit) & parts
        assert np.array_equal(answer, expected)


def test_nobody_has_nothing_to_clean():
    assert clean_up(torch.zeros(0, 4, 4), max_hole_area=9).shape == (0, 4, 4)


def test_what_is_no_part_of_a_mask_is_never_a_small_part():
    """The mask fills its map: outside lies only the row that keeps it from the next one."""
    full = np.ones((1, 4, 3), bool)
    assert not small_parts(full, 3).any()
    speck = np.zeros((2, 4, 3), bool)
    speck[1, 0, 0] = True
    assert small_parts(speck, 30).sum() == 1
