"""Masks decoded in their window, against pycocotools' drawing of the whole image."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmpose.datasets.transforms.region_mask import RegionMask, decode_region, read_counts

HEIGHT, WIDTH = 97, 131


def whole_image(region):
    if region is None:
        return np.zeros((HEIGHT, WIDTH), np.uint8)
    return region.cut(0, 0, WIDTH, HEIGHT)


def draw(polygons):
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, HEIGHT, WIDTH)))


def runs_of(mask):
    line = mask.T.reshape(-1)
    ends = np.flatnonzero(np.diff(line)) + 1
    return [0] * int(line[0]) + np.diff([0, *ends, len(line)]).tolist()


@pytest.mark.parametrize("seed", range(60))
def test_every_format_gives_the_pixels_of_pycocotools(seed):
    rng = np.random.default_rng(seed)
    stretch, shift = [((160, 120), (-15, -12)), ((50, 40), (30, 20))][seed % 2]
    polygons = [
        (rng.random((rng.integers(3, 9), 2)) * stretch + shift).round(seed % 3).ravel().tolist()
        for _ in range(1 + seed % 3)
    ]
    mask = draw(polygons)
    # a line that meets a pixel's corner may be rounded to either side
    assert (whole_image(decode_region(polygons, HEIGHT, WIDTH)) != mask).sum() <= 1
    compressed = coco_mask.encode(np.asfortranarray(mask))
    as_text = {**compressed, "counts": compressed["counts"].decode()}
    runs = {"size": [HEIGHT, WIDTH], "counts": runs_of(mask)}
    for segmentation in (compressed, as_text, runs, mask, mask.astype(bool)):
        region = decode_region(segmentation, HEIGHT, WIDTH)
        assert (whole_image(region) == mask).all()
        if region is not None and seed % 2:
            assert region.pixels.size < mask.size / 2  # the person, not the image
    assert read_counts(compressed["counts"]).tolist() == runs["counts"]


def test_a_mask_of_the_whole_image():
    full = {"size": [HEIGHT, WIDTH], "counts": [0, HEIGHT * WIDTH]}
    assert whole_image(decode_region(full, HEIGHT, WIDTH)).all()


def test_nothing_inside_is_none():
    outside = [[200.0, 200.0, 250.0, 200.0, 250.0, 250.0]]
    empty = {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}
    below = [[10.0, 200.0, 50.0, 200.0, 50.0, 250.0]]
    beside = [[200.0, 10.0, 250.0, 10.0, 250.0, 50.0]]
    nothing = (None, [], outside, below, beside, empty, np.zeros((HEIGHT, WIDTH), bool))
    for segmentation in nothing:
        assert decode_region(segmentation, HEIGHT, WIDTH) is None


def test_windows_of_a_mask():
    region = RegionMask(np.array([[1, 0], [1, 1]], np.uint8), left=3, top=5)
    assert region.cut(4, 4, 7, 7).tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert region.cut(20, 20, 22, 21).tolist() == [[0, 0]]
    mirrored = region.mirrored(10)  # columns 3, 4 become 6, 5
    assert (mirrored.left, mirrored.top) == (5, 5)
    assert mirrored.pixels.tolist() == [[0, 1], [1, 1]]
    assert mirrored.mirrored(10).left == 3
    wide = region.with_context(3.0, (7, 6))  # two more pixels a side, where the image has them
    assert (wide.left, wide.top, wide.pixels.shape) == (1, 3, (4, 5))
    assert (wide.cut(3, 5, 5, 7) == region.pixels).all()


@pytest.mark.parametrize(
    ("segmentation", "error", "message"),
    [
        ({"size": [9, 9], "counts": [81]}, ValueError, r"\(9, 9\).*\(97, 131\)"),
        ({"size": [HEIGHT, WIDTH], "counts": [3, 4]}, ValueError, "add up to 7 pixels"),
        ({"size": [HEIGHT, WIDTH], "counts": "P"}, ValueError, "damaged or cut off"),
        (np.zeros((4, 4)), ValueError, "another|belong together"),
        ([[0, 0, 1, 1, float("inf"), 0]], ValueError, "no finite number"),
        (42.0, TypeError, "object of type|a segmentation is"),
    ],
)
def test_refusals(segmentation, error, message):
    with pytest.raises(error, match=message):
        decode_region(segmentation, HEIGHT, WIDTH)
