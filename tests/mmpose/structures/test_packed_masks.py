"""Masks as bits, against the same masks as bools."""

import pytest
import torch

from mmpose.structures.packed_masks import PackedMasks, empty_masks, join_masks, pack_masks


def random_masks(*shape):
    """Half of the pixels inside."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) > 0.5


SHAPES = pytest.mark.parametrize(
    "shape",
    [
        pytest.param((3, 5, 7), id="less than a byte"),
        pytest.param((2, 4, 64), id="a word"),
        pytest.param((4, 3, 130), id="two words and two pixels"),
        pytest.param((0, 5, 9), id="nobody"),
        pytest.param((1, 1, 1), id="one pixel"),
    ],
)


@SHAPES
def test_packing_loses_nothing(shape):
    masks = random_masks(*shape)
    packed = pack_masks(masks)
    assert packed.shape == shape
    assert torch.equal(packed.unpack(), masks)


def test_the_lowest_bit_is_the_leftmost_pixel():
    masks = torch.zeros(1, 1, 10, dtype=torch.bool)
    masks[0, 0, [0, 2, 9]] = True
    assert pack_masks(masks).bits.tolist() == [[[1 + 4, 2, 0, 0, 0, 0, 0, 0]]]


@SHAPES
def test_counts_and_unions_are_those_of_bools(shape):
    masks = random_masks(*shape)
    packed = pack_masks(masks)
    assert packed.areas().tolist() == masks.sum((1, 2)).tolist()
    assert packed.any().tolist() == masks.flatten(1).any(1).tolist()
    assert torch.equal(packed.union().unpack()[0], masks.any(0))


def test_full_words_are_counted():
    """All 64 bits of a word: the count must not turn negative."""
    assert pack_masks(torch.ones(2, 3, 128, dtype=torch.bool)).areas().tolist() == [384, 384]


def test_pixels_are_read_one_by_one():
    masks = random_masks(3, 5, 70)
    x, y = torch.tensor([[0, 69], [63, 64]]), torch.tensor([[4, 0], [2, 3]])
    assert torch.equal(pack_masks(masks).read(x, y), masks[:, y, x])
    assert pack_masks(masks[:0]).read(x, y).shape == (0, 2, 2)


def test_boxes_end_behind_the_last_pixel():
    masks = torch.zeros(3, 6, 100, dtype=torch.bool)
    masks[0, 5, 3] = masks[1, 1:3, 62:99] = True
    bboxes = pack_masks(masks).bboxes(torch.full((3, 4), 9.0))
    assert bboxes.tolist() == [[3, 5, 4, 6], [62, 1, 99, 3], [9, 9, 9, 9]]


def test_some_of_one_and_the_rest_of_others():
    masks = random_masks(3, 4, 9)
    mixed = pack_masks(masks).where(torch.tensor([True, False, True]), pack_masks(~masks))
    assert torch.equal(mixed.unpack(), torch.stack([masks[0], ~masks[1], masks[2]]))


def test_masks_are_selected_and_joined():
    packed = pack_masks(random_masks(4, 3, 9))
    joined = join_masks([packed[torch.tensor([2, 0])], packed[1:2], empty_masks(1, (3, 9), "cpu")])
    expected = torch.cat([packed.unpack()[[2, 0, 1]], torch.zeros(1, 3, 9, dtype=torch.bool)])
    assert isinstance(joined, PackedMasks)
    assert torch.equal(joined.unpack(), expected)
