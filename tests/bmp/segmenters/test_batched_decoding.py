import pytest
import torch
import torch.nn.functional as F

from bmp.segmenters.batched_decoding import upsample_masks


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((21, 33), id="all at once"),
        pytest.param((1000, 1400), id="two at a time, the last alone"),
        pytest.param((2100, 2000), id="more than fits at a time: one"),
    ],
)
def test_masks_are_logits_above_0_after_bilinear_resizing(shape):
    logits = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(logits[None], shape, mode="bilinear", align_corners=False)[0] > 0
    assert torch.equal(upsample_masks(logits, shape), expected)
    assert upsample_masks(logits[:0], shape).shape == (0, *shape)
    assert not upsample_masks(torch.zeros(1, 8, 8), (4, 4)).any()  # not above 0
