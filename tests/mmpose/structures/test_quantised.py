"""Weights in 8 bits, worked out by hand."""

import pytest
import torch

from mmpose.structures.quantised import SCALE_SUFFIX, quantise_weights, restore_weights


def test_a_row_is_scaled_by_its_largest_weight():
    weight = torch.zeros(2, 512)
    weight[0, :3] = torch.tensor([127.0, -63.6, 0.4])
    weight[1, 0] = 1.27
    stored = quantise_weights({"conv.weight": weight})
    assert stored["conv.weight"].dtype == torch.int8
    assert stored["conv.weight"][0, :3].tolist() == [127, -64, 0]
    torch.testing.assert_close(stored["conv.weight" + SCALE_SUFFIX], torch.tensor([1.0, 0.01]))
    restored = restore_weights(stored)["conv.weight"]
    assert restored[0, :3].tolist() == [127.0, -64.0, 0.0]
    torch.testing.assert_close(restored[1, 0], torch.tensor(1.27))


def test_no_weight_moves_by_more_than_half_a_step():
    weight = torch.randn(8, 16, 3, 3, generator=torch.Generator().manual_seed(0))
    restored = restore_weights(quantise_weights({"w": weight}))["w"]
    step = weight.abs().flatten(1).amax(1) / 127
    assert ((restored - weight).abs().flatten(1) <= step[:, None] / 2 * 1.001).all()


def test_vectors_small_tensors_and_counters_are_not_quantised():
    source = {
        "norm.weight": torch.full((4096,), 0.1),
        "small": torch.ones(2, 2),
        "count": torch.tensor(7),
    }
    stored = quantise_weights(source)
    assert {name: value.dtype for name, value in stored.items()} == {
        "norm.weight": torch.float16,
        "small": torch.float16,
        "count": torch.int64,
    }


def test_a_row_of_zeros_stays_zero():
    restored = restore_weights(quantise_weights({"w": torch.zeros(4, 1024)}))["w"]
    assert torch.equal(restored, torch.zeros(4, 1024))


def test_scales_without_their_tensor_are_refused():
    with pytest.raises(ValueError, match="but no 'w'; get it again"):
        restore_weights({"w" + SCALE_SUFFIX: torch.ones(3)})
