"""Masks checked all at once against the check of each, and against masks drawn by pycocotools."""

import numpy as np
import pytest

from mmpose.structures import mask_to_rle
from mmpose.structures.mask import are_whole_rles, normal_segmentation


def masks(seed, num=30):
    rng = np.random.default_rng(seed)
    kinds = [lambda n: np.zeros(n), lambda n: np.ones(n), rng.random, lambda n: rng.random() < 0.5]
    sizes = rng.integers(1, 90, (num, 2))
    return [mask_to_rle((kinds[i % 4](size) > 0.6) * np.ones(size)) for i, size in enumerate(sizes)]


@pytest.mark.parametrize("seed", range(5))
def test_masks_as_tools_write_them_are_whole(seed):
    rles = masks(seed)
    assert are_whole_rles(rles)
    assert [normal_segmentation(rle) for rle in rles] == rles


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda rle: rle | {"size": [rle["size"][0] + 1, rle["size"][1]]}, id="size"),
        pytest.param(lambda rle: rle | {"counts": rle["counts"][:-1]}, id="cut off"),
        pytest.param(lambda rle: rle | {"counts": rle["counts"] + "1"}, id="too long"),
        pytest.param(lambda rle: rle | {"counts": rle["counts"] + "P"}, id="goes on"),
        pytest.param(lambda rle: rle | {"counts": "!" + rle["counts"]}, id="no such letter"),
        pytest.param(lambda rle: rle | {"counts": ""}, id="empty"),
        pytest.param(lambda rle: rle | {"counts": rle["counts"].encode()}, id="bytes"),
        pytest.param(lambda rle: {"counts": rle["counts"]}, id="without a size"),
        pytest.param(lambda _: [[0.0, 0.0, 9.0, 0.0, 9.0, 9.0]], id="a polygon"),
        pytest.param(lambda _: None, id="none"),
    ],
)
@pytest.mark.parametrize("place", [0, 7, 29])
def test_one_other_mask_is_seen(change, place):
    rles = masks(1)
    rles[place] = change(rles[place])
    assert not are_whole_rles(rles)


def test_runs_that_sum_up_but_run_backwards_are_seen():
    """Runs of 5, -1 and 0 pixels fill 4 pixels, and would be drawn outside."""
    text = "".join(chr(48 + code) for code in (5, 31, 0))
    assert not are_whole_rles([{"size": [2, 2], "counts": text}])
    with pytest.raises(ValueError, match="RLE"):
        normal_segmentation({"size": [2, 2], "counts": text})
