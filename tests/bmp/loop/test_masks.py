"""Whose pixel it is, and people painted black."""

import numpy as np
import pytest
import torch

from bmp.loop.masks import black_out, exclusive_masks, pose_mask_consistency
from mmpose.structures.packed_masks import pack_masks


def strips(*columns, width=6):
    """One mask a pair (first, last) of columns."""
    masks = torch.zeros(len(columns), 2, width, dtype=torch.bool)
    for mask, (first, last) in zip(masks, columns, strict=True):
        mask[:, first:last] = True
    return masks


def test_exclusive_masks_go_to_the_highest_score():
    masks = strips((0, 4), (2, 6), (3, 4))
    exclusive = exclusive_masks(pack_masks(masks), torch.tensor([0.5, 0.9, 0.7]))
    assert torch.equal(exclusive.unpack(), strips((0, 2), (2, 6), (0, 0)))
    assert torch.equal(masks, strips((0, 4), (2, 6), (3, 4)))  # the input is left alone


@pytest.mark.parametrize("score", [0.5, 0.0])
def test_equal_scores_go_to_the_earlier_mask(score):
    masks = strips((2, 6), (0, 4))
    exclusive = exclusive_masks(pack_masks(masks), torch.full((2,), score))
    assert torch.equal(exclusive.unpack(), strips((2, 6), (0, 2)))


def test_only_trimmed_masks_lose_pixels():
    masks, scores = strips((0, 4), (2, 6)), torch.tensor([0.5, 0.9])
    exclusive = exclusive_masks(pack_masks(masks), scores, trimmed=torch.tensor([False, True]))
    assert torch.equal(exclusive.unpack(), masks)
    assert exclusive_masks(pack_masks(masks[:0]), scores[:0]).shape == (0, 2, 6)


def test_pose_mask_consistency_of_the_specification():
    masks = torch.zeros(1, 10, 10, dtype=torch.bool)
    masks[0, 2:6, 2:6] = True
    keypoints = torch.tensor(
        [[[3.9, 3.2], [7, 7], [2, 2], [0, 0]], [[8, 8], [5, 5], [1, 1], [9, 9]]]
    )
    used = torch.tensor([[True, True, False, False], [True, True, True, False]])
    consistency = pose_mask_consistency(pack_masks(masks), keypoints, used)
    torch.testing.assert_close(consistency, torch.tensor([0.58333]), atol=1e-5, rtol=0)
    keypoints[1, 0] = torch.tensor([-40.0, 1e4])  # outside the image: the nearest pixel counts
    torch.testing.assert_close(
        pose_mask_consistency(pack_masks(masks), keypoints, used), consistency
    )
    assert pose_mask_consistency(pack_masks(masks[:0]), keypoints[:0], used[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("joint", "inside"),
    [
        pytest.param((5.9, 5.9), True, id="in the last pixel"),
        pytest.param((6.0, 3.0), False, id="at the next pixel"),
        pytest.param((3.0, 6.0), False, id="at the next row"),
        pytest.param((1.9, 3.0), False, id="in the pixel before"),
        pytest.param((2.0, 2.0), True, id="at the first pixel"),
    ],
)
def test_joints_are_looked_up_in_the_pixel_that_holds_them(joint, inside):
    masks = torch.zeros(1, 10, 12, dtype=torch.bool)
    masks[0, 2:6, 2:6] = True
    keypoints = torch.tensor([[joint, (0.0, 0.0)]])
    used = torch.tensor([[True, False]])
    consistency = pose_mask_consistency(pack_masks(masks), keypoints, used)
    assert consistency.tolist() == [0.5 * inside]
    nothing = pose_mask_consistency(pack_masks(masks), keypoints, torch.zeros_like(used))
    assert nothing.tolist() == [0]  # a share of nothing is 0


def test_black_out():
    image = np.full((2, 6, 3), 7, np.uint8)
    hidden = black_out(image, strips((0, 2), (1, 3)))
    assert hidden[:, :3].max() == 0
    assert hidden[:, 3:].min() == 7
    assert image.min() == 7
    assert black_out(image, strips()) is image
    with pytest.raises(ValueError, match=r"but the image is \(2, 6\)"):
        black_out(image, strips((0, 1), width=5))
