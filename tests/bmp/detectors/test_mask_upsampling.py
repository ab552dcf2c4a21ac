import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from bmp.detectors.mask_upsampling import upsample_masks


def smooth_logits(*shape: int) -> torch.Tensor:
    """Random blobs: noise, blurred."""
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return F.avg_pool2d(noise, 3, stride=1, padding=1) * 5


def two_steps(logits, image_shape, stride, size):
    """mmdet's way: to the network's input, then to ``size``, of which the image is a part."""
    x = F.interpolate(logits[None], scale_factor=stride, mode="bilinear")
    x = F.interpolate(x, size=size, mode="bilinear")[0]
    return x.sigmoid()[:, : image_shape[0], : image_shape[1]]


@pytest.mark.parametrize(
    ("grid", "image_shape", "size", "factor"),
    [
        pytest.param((20, 20), (270, 480), (480, 480), (1 / 3, 1 / 3), id="enlarged 3 times"),
        pytest.param((12, 20), (96, 160), (96, 160), (1.0, 1.0), id="as large as the input"),
        pytest.param((20, 16), (75, 64), (80, 64), (2.0, 2.0), id="smaller than the input"),
        pytest.param((10, 10), (100, 40), (100, 40), (2.0, 0.8), id="one factor an axis"),
        pytest.param((2, 1), (16, 24), (16, 24), (1 / 3, 1.0), id="fewer cells than taps"),
        pytest.param((40, 40), (585, 585), (585, 585), (320 / 585,) * 2, id="a side of 585"),
        pytest.param((40, 40), (977, 872), (977, 872), (320 / 872, 320 / 977), id="977 by 872"),
    ],
)
def test_masks_are_mmdets_two_steps(grid, image_shape, size, factor):
    logits = smooth_logits(4, *grid)
    expected = two_steps(logits, image_shape, 8, size)
    masks = upsample_masks(logits, image_shape, stride=8, scale_factor=factor).unpack()
    is_clear = (expected - 0.5).abs() > 1e-4  # closer to the threshold, rounding decides
    assert is_clear.float().mean() > 0.99
    assert masks.dtype == torch.bool
    assert torch.equal(masks[is_clear], (expected > 0.5)[is_clear])


def test_no_people_have_no_masks():
    assert upsample_masks(torch.zeros(0, 4, 5), (30, 40), stride=8).shape == (0, 30, 40)


@pytest.mark.parametrize(
    ("image_shape", "factor"),
    [
        pytest.param((427, 640), (0.5, 214 / 427), id="rounded"),
        pytest.param((333, 500), (0.64, 213 / 333), id="fraction"),
        pytest.param((1, 10000), (0.032, 1.0), id="a line"),
        pytest.param((1, 1), (320.0, 320.0), id="one pixel"),
        # in floats, 320 * (side / 320) falls short of these sides
        pytest.param((400, 585), (320 / 585, 219 / 400), id="a width of 585"),
        pytest.param((872, 600), (220 / 600, 320 / 872), id="a height of 872"),
        pytest.param((977, 977), (320 / 977, 320 / 977), id="a square of 977"),
    ],
)
def test_masks_have_the_image_size_whatever_the_rounding(image_shape, factor):
    logits = torch.ones(1, 40, 40)
    masks = upsample_masks(logits, image_shape, stride=8, scale_factor=factor).unpack()
    assert masks.shape == (1, *image_shape)
    assert masks.all()


def test_threshold_is_a_probability():
    logits = torch.full((1, 2, 2), 0.5)  # sigmoid 0.622
    for threshold, is_inside in ((0.6, True), (0.65, False)):
        masks = upsample_masks(logits, (8, 8), stride=4, threshold=threshold).unpack()
        assert masks.all() == is_inside
        assert masks.any() == is_inside
    assert not upsample_masks(torch.zeros(1, 2, 2), (8, 8), stride=4).any()  # not above 0.5


@pytest.mark.slow
def test_a_hundred_people_on_4k_take_the_memory_of_bits():
    """0.1 GiB of masks and what one takes, in a process that has done it small before."""
    code = (
        "import resource, torch\n"
        "from torch.nn.functional import interpolate\n"
        "from bmp.detectors.mask_upsampling import upsample_masks\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20\n"
        "logits = interpolate(torch.randn(1, 100, 5, 5), size=(80, 80), mode='bilinear')[0]\n"
        "upsample_masks(logits[:1], (90, 160), stride=8, scale_factor=(4.0, 4.0))\n"
        "before = peak()\n"
        "upsample_masks(logits, (2160, 3840), stride=8, scale_factor=(1 / 6, 1 / 6))\n"
        "print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.2  # GiB
