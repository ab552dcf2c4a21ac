import cv2
import numpy as np
import pytest

from mmpose.datasets import (
    GetBBoxCenterScale,
    MaskBackground,
    PackPoseInputs,
    PhotometricDistortion,
    RandomFlip,
    TopdownAffine,
)
from mmpose.datasets.transforms.mask_noise import (
    change_outline,
    grow_by_cells,
    kernel_sizes,
    remove_cells,
    shrink_by_cells,
)
from mmpose.datasets.transforms.masking import dim_background
from mmpose.datasets.transforms.region_mask import RegionMask
from mmpose.structures import get_udp_warp_matrix, mask_to_rle

SQUARE = [[20.0, 20.0, 60.0, 20.0, 60.0, 60.0, 20.0, 60.0]]
NOISE = {"erode_prob": 0.5, "erode_amount": 0.5, "dilate_prob": 0.5, "dilate_amount": 0.1}


@pytest.fixture(autouse=True)
def _seed():
    np.random.seed(0)


def square_mask(size=100):
    mask = np.zeros((size, size), np.uint8)
    mask[20:60, 20:60] = 1
    return mask


def whole(region):
    """A mask of the samples below in their whole image."""
    return region.cut(0, 0, 100, 100)


def make_sample(segmentation):
    sample = {
        "img": np.full((100, 100, 3), 100, np.uint8),
        "bbox": np.array([[20, 20, 60, 60]], np.float32),
        "segmentation": segmentation,
    }
    return GetBBoxCenterScale()(sample)


def test_the_background_loses_its_share_rounded_half_to_even():
    image = np.array([[[10, 2, 6]]], np.uint8)
    nothing, everything = (RegionMask(np.full((1, 1), n, np.uint8), 0, 0) for n in (0, 1))
    outside = everything.within(5, 5, 6, 6)
    for mask in (nothing, outside):
        dimmed = dim_background(image, mask, 0.25)
        assert dimmed.tolist() == [[[8, 2, 4]]]  # 7.5, 1.5, 4.5
    assert dim_background(image, everything, 0.25).tolist() == image.tolist()


def test_the_crop_is_dimmed_outside_the_mask():
    sample = TopdownAffine((96, 128), use_udp=True)(MaskBackground(alpha=0.25)(make_sample(SQUARE)))
    assert sample["img"][64, 48].tolist() == [100] * 3  # the middle of the person
    assert sample["img"][4, 48].tolist() == [75] * 3
    assert sample["img"].shape == (128, 96, 3)


@pytest.mark.parametrize(
    ("segmentation", "state"),
    [
        pytest.param(None, "missing", id="none"),
        pytest.param([], "missing", id="no polygon"),
        pytest.param([[1.0, 1.0, 5.0, 5.0]], "degenerate", id="a polygon of two corners"),
        pytest.param([[1.0, 1.0, 5.0, 5.0, 3.0]], "degenerate", id="half a corner"),
        pytest.param([[1.0, 1.0, 5.0, 5.0, 3.0, float("nan")]], "degenerate", id="nan"),
        pytest.param([[200.0, 200, 250, 200, 250, 250]], "degenerate", id="outside the image"),
        pytest.param({"size": [100, 100], "counts": [10000]}, "degenerate", id="empty"),
        pytest.param({"size": [90, 90], "counts": [8100]}, "degenerate", id="of another image"),
        pytest.param({"size": [100, 100], "counts": [50, 50]}, "degenerate", id="too short"),
        pytest.param({"size": [100, 100], "counts": "\x01"}, "degenerate", id="no RLE text"),
        pytest.param({"counts": [10000]}, "degenerate", id="no size"),
        pytest.param("square", "degenerate", id="no format"),
        pytest.param(4.0, "degenerate", id="a number"),
    ],
)
def test_without_a_mask_nothing_is_conditioned_and_the_sample_tells(segmentation, state):
    sample = MaskBackground(alpha=0.25, **NOISE)(make_sample(segmentation))
    assert sample["mask"] is None
    crop = TopdownAffine((48, 64), use_udp=True)(sample)
    assert crop["img"][4, 24].tolist() == [100] * 3
    assert PackPoseInputs()(crop)["data_samples"].metainfo["mask_state"] == state


def test_every_format_of_a_mask_is_read():
    rle = {"size": [100, 100], "counts": [20 * 100 + 20, 40] + [60, 40] * 39 + [4040 - 60]}
    rle["counts"][-1] = 100 * 100 - sum(rle["counts"][:-1])
    masks = [MaskBackground()(make_sample(s)) for s in (SQUARE, rle, square_mask())]
    assert [sample["mask_state"] for sample in masks] == ["used"] * 3
    polygon, runs, array = (whole(sample["mask"]) for sample in masks)
    assert (runs == square_mask()).all()
    assert (array == square_mask()).all()
    assert (polygon != runs).mean() < 0.02


def full_image_crop(image, mask, alpha, *, flips, matrix, size):
    """The published rule: dim the whole image, mirror it, warp it."""
    dimmed = cv2.addWeighted(image, 1 - alpha, image * mask[..., None], alpha, 0)
    dimmed = cv2.flip(dimmed, 1) if flips else dimmed
    return cv2.warpAffine(dimmed, matrix, size, flags=cv2.INTER_LINEAR)


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_region_gives_the_crop_of_the_full_image_rule(seed, flips):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (6, 8, 3), np.uint8)
    image = cv2.resize(coarse, (400, 300), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((300, 400), np.uint8)
    corners = (rng.random((6, 2)) * (200, 200) + (60, 40)).astype(int)
    cv2.fillPoly(mask, [corners], 1)
    x, y, width, height = cv2.boundingRect(mask)
    bbox = np.array([[x, y, x + width, y + height]], np.float32)
    sample = {"img": image, "bbox": bbox, "segmentation": mask_to_rle(mask)}
    sample |= {"flip_indices": [], "bbox_rotation": np.array([seed * 20.0], np.float32)}
    steps = [MaskBackground(alpha=0.25), GetBBoxCenterScale(), RandomFlip(prob=float(flips))]
    for step in [*steps, TopdownAffine((96, 128), use_udp=True)]:
        sample = step(sample)
    scale = sample["bbox_scale"][0]
    matrix = get_udp_warp_matrix(sample["bbox_center"][0], scale, seed * 20.0, (96, 128))
    want = full_image_crop(image, mask, 0.25, flips=flips, matrix=matrix, size=(96, 128))
    plain = cv2.flip(mask * 255, 1) if flips else mask * 255
    warped = cv2.warpAffine(plain, matrix, (96, 128), flags=cv2.INTER_LINEAR)
    kernel = np.ones((3, 3), np.uint8)
    is_border = cv2.dilate(warped, kernel) != cv2.erode(warped, kernel)
    off = np.abs(sample["img"].astype(int) - want).max(-1)
    assert off[~is_border].max() <= 1
    assert (off > 1).mean() < 0.01  # and nearly so at the border
    assert is_border.mean() < 0.3
    assert (image == cv2.resize(coarse, (400, 300), interpolation=cv2.INTER_CUBIC)).all()


def test_conditioning_can_be_left_out_at_random():
    states = [MaskBackground(prob=0.5)(make_sample(SQUARE))["mask_state"] for _ in range(100)]
    assert 30 < states.count("left out") < 70
    assert set(states) == {"left out", "used"}


def test_noise_leaves_something_of_every_person():
    clean = whole(MaskBackground()(make_sample(SQUARE))["mask"])
    overlaps = []
    for _ in range(100):
        noisy = whole(MaskBackground(**NOISE)(make_sample(SQUARE))["mask"])
        assert set(np.unique(noisy)) <= {0, 1}
        overlaps.append((noisy & clean).sum() / (noisy | clean).sum())
    assert min(overlaps) > 0.35  # up to 4 of 10 cells are lost
    assert np.mean(overlaps) < 0.98


@pytest.mark.parametrize(
    ("erode_prob", "dilate_prob", "grow_share"),
    [(0.2, 0.6, 0.75), (0.6, 0.2, 0.25), (0.3, 0.0, 0.0), (0.0, 0.3, 1.0), (0.0, 0.0, 0.0)],
)
def test_masks_grow_and_shrink_in_their_shares(erode_prob, dilate_prob, grow_share):
    noise = {"erode_prob": erode_prob, "dilate_prob": dilate_prob}
    transform = MaskBackground(**noise)
    assert transform.grow_share == pytest.approx(grow_share)
    clean = whole(MaskBackground()(make_sample(SQUARE))["mask"])
    masks = [whole(transform(make_sample(SQUARE))["mask"]).astype(int) for _ in range(200)]
    grown, shrunk = (sum((sign * (m - clean)).max() > 0 for m in masks) for sign in (1, -1))
    # half of those that grow or shrink do so by cells, of which there may be none
    assert 0.6 * 200 * dilate_prob <= grown <= 1.3 * 200 * dilate_prob
    assert 0.6 * 200 * erode_prob <= shrunk <= 1.3 * 200 * erode_prob


@pytest.mark.parametrize(
    ("noise", "side"),
    [({"dilate_prob": 1.0}, 44), ({"erode_prob": 1.0}, 36)],
    ids=["grow", "shrink"],
)
def test_outlines_of_small_people_move_by_two_pixels(noise, side):
    """40 x 40 px: kernels of 5, at the scale of the image; half of the masks change by cells."""
    transform = MaskBackground(**noise)
    masks = [whole(transform(make_sample(SQUARE))["mask"]) for _ in range(60)]
    expected = np.zeros((100, 100), np.uint8)
    begin = 40 - side // 2
    expected[begin : begin + side, begin : begin + side] = 1
    assert 15 < sum((mask == expected).all() for mask in masks) < 45


@pytest.mark.parametrize("shape", [(512, 256), (256, 512)], ids=["tall", "wide"])
def test_large_masks_are_damaged_at_128_px(shape):
    """In blocks of 4 x 4, for the longer side is 512 px; the mask fills its window."""
    mask = np.zeros((600, 700), np.uint8)
    mask[30 : 30 + shape[0], 40 : 40 + shape[1]] = 1
    sample = make_sample(mask) | {"img": np.zeros((600, 700, 3), np.uint8)}
    transform = MaskBackground(erode_prob=1.0, context_size=1.0)
    for _ in range(20):
        region = transform(dict(sample))["mask"]
        assert (region.left, region.top, region.pixels.shape) == (40, 30, shape)
        blocks = region.pixels.reshape(shape[0] // 4, 4, shape[1] // 4, 4)
        assert (blocks == blocks[:, :1, :, :1]).all()


def test_noise_stays_near_the_person():
    window = RegionMask(np.ones((40, 40), np.uint8), 20, 20).with_context(1.25, (100, 100))
    assert (window.left, window.top, window.pixels.shape) == (15, 15, (50, 50))
    for _ in range(50):
        noisy = whole(MaskBackground(**NOISE)(make_sample(SQUARE))["mask"])
        assert noisy[:14].sum() + noisy[67:].sum() == 0


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
        ({"erode_amount": 1.0}, r"erode_amount must be in \(0, 1\)"),
        ({"dilate_amount": 1.5}, r"dilate_amount must be in \(0, 1\)"),
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


@pytest.mark.parametrize(
    "earlier",
    [RandomFlip(prob=1.0), TopdownAffine((48, 64), use_udp=True)],
    ids=["mirrored", "cut"],
)
def test_an_image_that_has_moved_away_from_its_mask_is_refused(earlier):
    with pytest.raises(ValueError, match="put it right behind GetBBoxCenterScale"):
        MaskBackground()(earlier(make_sample(SQUARE) | {"flip_indices": []}))


def test_a_person_too_thin_to_be_smoothed_is_not_replaced_by_background():
    thin = np.zeros((100, 100), np.uint8)
    cv2.line(thin, (20, 20), (60, 60), 1)
    for _ in range(50):
        noisy = whole(MaskBackground(**NOISE)(make_sample(thin))["mask"])
        assert (noisy == thin).all()
