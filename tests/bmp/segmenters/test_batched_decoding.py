import pytest
import torch
import torch.nn.functional as F

from bmp.segmenters.batched_decoding import upsample_masks


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((21, 33), id="some pixels a cell"),
        pytest.param((5, 3), id="fewer pixels than cells"),
        pytest.param((1000, 1400), id="large"),
    ],
)
def test_masks_are_logits_above_0_after_bilinear_resizing(shape):
    logits = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
    full = F.interpolate(logits[None], shape, mode="bilinear", align_corners=False)[0]
    masks = upsample_masks(logits, shape).unpack()
    is_clear = full.abs() > 1e-5  # closer to 0, rounding decides
    assert is_clear.float().mean() > 0.999
    assert torch.equal(masks[is_clear], (full > 0)[is_clear])
    assert upsample_masks(logits[:0], shape).shape == (0, *shape)
    assert not upsample_masks(torch.zeros(1, 8, 8), (4, 4)).any()  # not above 0
