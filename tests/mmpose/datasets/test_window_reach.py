"""Which part of an image an augmentation may show: worked out by hand, and tried by drawing."""

import numpy as np
import pytest

from mmpose.datasets.image_views import ImageWindow
from mmpose.datasets.transforms import (
    GetBBoxCenterScale,
    KeypointConverter,
    LoadImage,
    PhotometricDistortion,
    RandomBBoxTransform,
    RandomEdgesBlackout,
    RandomFlip,
    RandomHalfBody,
    TopdownAffine,
)
from mmpose.datasets.transforms.window_reach import reach_of, window_steps

CROP = TopdownAffine(input_size=(192, 256), use_udp=True)
LARGE = (2000, 2000)


def sample(box=(450.0, 300.0, 550.0, 500.0)):
    return {"bbox": np.float32([box]), "id": 1, "img_path": "1.jpg"}


def moved(**settings):
    return [GetBBoxCenterScale(), RandomBBoxTransform(**settings), CROP]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # 100 x 200 in 3 : 4 is 150 x 200, padded by 1.25 187.5 x 250; one more pixel for
        # rounding, two at the far end for interpolation, which ends are exclusive
        pytest.param(
            dict(shift_factor=0, scale_factor=(1, 1), rotate_factor=0),
            (404, 273, 597, 528),
            id="nothing moves",
        ),
        # 16 and 32 of shift; 1.5 times as large: 281.25 x 375
        pytest.param(
            dict(shift_factor=0.16, scale_factor=(0.5, 1.5), rotate_factor=0),
            (341, 178, 660, 623),
            id="shift and scale",
        ),
        # half the diagonal of 281.25 x 375 is 234.375
        pytest.param(
            dict(shift_factor=0.16, scale_factor=(0.5, 1.5), rotate_factor=90),
            (247, 131, 754, 670),
            id="any rotation",
        ),
        pytest.param(
            dict(
                shift_factor=9,
                shift_prob=0,
                scale_factor=(0.1, 0.5),
                scale_prob=0.5,
                rotate_factor=90,
                rotate_prob=0,
            ),
            (404, 273, 597, 528),
            id="what never happens does not count",
        ),
    ],
)
def test_reach_worked_out_by_hand(settings, expected):
    assert reach_of(moved(**settings), sample(), LARGE) == expected


def test_reach_ends_at_the_image():
    steps = moved(shift_factor=0, scale_factor=(1, 1), rotate_factor=0)
    assert reach_of(steps, sample(), (500, 560)) == (404, 273, 560, 500)


def test_a_person_outside_the_image_reaches_one_pixel():
    steps = moved(shift_factor=0, scale_factor=(1, 1), rotate_factor=0)
    assert reach_of(steps, sample((-500.0, -500.0, -450.0, -400.0)), (90, 120)) == (0, 0, 1, 1)


def person(rng):
    corner, size = rng.uniform(100, 900, 2), rng.uniform(20, 300, 2)
    joints = corner + rng.uniform(-0.2, 1.2, (1, 17, 2)) * size
    return {
        **sample((*corner, *(corner + size))),
        "keypoints": joints.astype(np.float32),
        "keypoints_visible": (rng.random((1, 17)) < 0.8).astype(np.float32),
        "keypoints_visibility": np.ones((1, 17), np.float32),
        "upper_body_ids": list(range(11)),
        "lower_body_ids": list(range(11, 17)),
        "flip_indices": list(range(17)),
    }


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([GetBBoxCenterScale(), RandomHalfBody(), RandomBBoxTransform()], id="usual"),
        pytest.param([GetBBoxCenterScale(1.5), RandomBBoxTransform(), RandomHalfBody()], id="late"),
        pytest.param(
            [
                GetBBoxCenterScale(),
                RandomHalfBody(),
                RandomEdgesBlackout(),
                RandomBBoxTransform(rotate_factor=30),
            ],
            id="edges",
        ),
        pytest.param(
            [
                KeypointConverter(17, [((0, i), i) for i in range(17)]),
                GetBBoxCenterScale(),
                RandomHalfBody(prob=1),
            ],
            id="converted joints",
        ),
    ],
)
def test_no_draw_goes_beyond_the_reach(steps):
    rng = np.random.default_rng(0)
    np.random.seed(0)
    steps = [*steps, RandomFlip(), CROP]
    for _ in range(20):
        one = person(rng)
        left, top, right, bottom = reach_of(steps, one, LARGE)
        pixels = np.zeros((bottom - top, right - left, 3), np.uint8)
        window = ImageWindow(shape=(*LARGE, 3), pixels=pixels, left=left, top=top)
        for _ in range(20):
            drawn = {**one, "img": window}
            for step in steps:
                drawn = step(drawn)  # refuses a crop beyond the window
            assert drawn["img"].shape == (256, 192, 3)


def test_a_crop_beyond_the_window_is_refused():
    pixels = np.zeros((10, 10, 3), np.uint8)
    window = ImageWindow(shape=(90, 120, 3), pixels=pixels, left=5, top=5)
    with pytest.raises(ValueError, match=r"needs the pixels .* leave crop_cache out"):
        CROP(GetBBoxCenterScale()({**sample((10.0, 10.0, 40.0, 40.0)), "img": window}))


def test_a_step_that_may_use_any_part_of_the_image_is_refused():
    steps = [LoadImage(), GetBBoxCenterScale(), PhotometricDistortion(), CROP]
    with pytest.raises(ValueError, match="PhotometricDistortion stands before TopdownAffine"):
        window_steps(steps)
    with pytest.raises(ValueError, match="pad_to_aspect_ratio=True"):
        window_steps([LoadImage(pad_to_aspect_ratio=True), CROP])
    with pytest.raises(ValueError, match="no TopdownAffine"):
        window_steps([LoadImage()])
