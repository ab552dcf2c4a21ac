"""Who decides the window: paddings of two steps, and steps that move the box or its window."""

import numpy as np
import pytest

from mmpose.apis.model import read_crop_settings
from mmpose.datasets import (
    GetBBoxCenterScale,
    LoadImage,
    RandomBBoxTransform,
    RandomFlip,
    RandomHalfBody,
    TopdownAffine,
)

STILL = {"shift_prob": 0, "scale_prob": 0, "rotate_prob": 0}


def make_sample(**fields):
    """A person in a box of 100 x 200 px about (150, 200) of an image 400 wide and 500 high."""
    return {
        "img": np.full((500, 400, 3), 9, np.uint8),
        "bbox": np.array([[100, 100, 200, 300]], np.float32),
        **fields,
    }


@pytest.mark.parametrize(
    ("first", "last", "window"),
    [
        # the box times the padding, then the short side grows to 3 : 4
        pytest.param({"padding": 0.8}, {}, (120, 160), id="published hand configs"),
        pytest.param({"padding": 1.0}, {}, (150, 200), id="no padding"),
        pytest.param({"padding": 1.5}, {}, (225, 300), id="wide"),
        pytest.param({}, {}, (187.5, 250), id="nobody says"),
        pytest.param({}, {"input_padding": 1.5}, (225, 300), id="the crop says"),
        pytest.param({"padding": 1.1}, {"input_padding": 1.1}, (165, 220), id="both say it"),
    ],
)
def test_either_step_says_how_much_the_window_exceeds_the_box(first, last, window):
    affine = TopdownAffine((192, 256), use_udp=True, **last)
    sample = affine(GetBBoxCenterScale(**first)(make_sample()))
    np.testing.assert_allclose(sample["input_scale"], window, rtol=1e-6)
    assert sample["input_center"].tolist() == [150, 200]
    steps = [
        {"type": "GetBBoxCenterScale", **first},
        {"type": "TopdownAffine", "input_size": (192, 256), **last},
    ]
    config = {"test_dataloader": {"dataset": {"pipeline": steps}}}
    assert read_crop_settings(config).padding == pytest.approx(window[1] / 200)


def test_two_different_paddings_are_refused():
    sample = GetBBoxCenterScale(padding=0.8)(make_sample())
    with pytest.raises(ValueError, match=r"padding=0.8\) and TopdownAffine\(input_padding=1.25"):
        TopdownAffine((192, 256), input_padding=1.25)(sample)
    with pytest.raises(ValueError, match="factor above 0"):
        GetBBoxCenterScale(padding=0.0)


@pytest.mark.parametrize(
    ("later", "window"),
    [
        pytest.param([], ([140, 210], [150, 200]), id="right before the crop"),
        pytest.param([RandomBBoxTransform(**STILL)], ([140, 210], [150, 200]), id="jitter behind"),
        pytest.param([RandomFlip(1.0)], ([399 - 140, 210], [150, 200]), id="mirrored behind"),
    ],
)
@pytest.mark.parametrize("in_place", [False, True])
def test_a_step_may_move_centre_and_scale(later, window, in_place):
    """As steps written for MMPose do."""
    sample = GetBBoxCenterScale(padding=1.25)(make_sample())
    sample = RandomBBoxTransform(**STILL)(sample)
    if in_place:
        sample["bbox_center"] += (-10, 10)
        sample["bbox_scale"] *= 0.8
    else:
        sample["bbox_center"] = np.array([[140, 210]], np.float32)
        sample["bbox_scale"] = np.array([[100, 200]], np.float32)
    for step in [*later, TopdownAffine((192, 256), use_udp=True)]:
        sample = step(sample)
    np.testing.assert_allclose(sample["input_center"], window[0], atol=1e-3)
    np.testing.assert_allclose(sample["input_scale"], window[1], rtol=1e-5)


def test_a_step_may_move_the_box():
    sample = GetBBoxCenterScale(padding=1.0)(make_sample())
    sample["bbox_xyxy_wrt_input"] = np.array([[0, 0, 30, 40]], np.float32)
    sample = TopdownAffine((192, 256))(RandomFlip(0.0)(sample))
    assert sample["input_center"].tolist() == [15, 20]
    assert sample["input_scale"].tolist() == [30, 40]


def test_steps_that_move_both_apart_are_told():
    sample = GetBBoxCenterScale()(make_sample())
    sample["bbox_xyxy_wrt_input"] = np.array([[0, 0, 30, 40]], np.float32)
    sample["bbox_scale"] = sample["bbox_scale"] * 2
    with pytest.raises(ValueError, match="let it move one of them"):
        TopdownAffine((192, 256))(sample)


def test_our_steps_keep_centre_and_scale_with_the_box():
    joints = np.stack([np.linspace(120, 180, 17), np.linspace(120, 280, 17)], -1)[None]
    sample = make_sample(
        keypoints=joints.astype(np.float32),
        keypoints_visible=np.ones((1, 17), np.float32),
        upper_body_ids=list(range(9)),
        lower_body_ids=list(range(9, 17)),
    )
    sample = GetBBoxCenterScale(padding=2.0)(sample)
    sample = RandomHalfBody(prob=1.0, upper_prioritized_prob=1.0, padding=1.0)(sample)
    # joints 0 to 8: x 120..150, y 120..200, mean (135, 160)
    np.testing.assert_allclose(sample["bbox_xyxy_wrt_input"], [[120, 120, 150, 200]], rtol=1e-5)
    np.testing.assert_allclose(sample["bbox_center"], [[135, 160]], rtol=1e-5)
    np.testing.assert_allclose(sample["bbox_scale"], [[60, 160]], rtol=1e-5)


@pytest.mark.parametrize(("padding", "scale"), [(1.25, [50, 100]), (2.0, [80, 160])])
def test_a_centre_and_scale_of_the_data_set_are_the_window(padding, scale):
    fields = {"bbox_center": [[30, 40]], "bbox_scale": [[40, 80]]}
    fields = {name: np.array(value, np.float32) for name, value in fields.items()}
    sample = GetBBoxCenterScale(padding=padding)(make_sample(**fields))
    assert sample["bbox_center"].tolist() == [[30, 40]]
    assert sample["bbox_scale"].tolist() == [scale]
    sample = TopdownAffine((48, 64))(sample)
    assert sample["input_center"].tolist() == [30, 40]
    assert sample["input_scale"].tolist() == [0.75 * scale[1], scale[1]]  # widened to 3 : 4


def test_padding_the_image_moves_the_centre_of_the_data_set():
    sample = make_sample(
        bbox=np.array([[0, 0, 100, 200]], np.float32),
        bbox_center=np.array([[50, 100]], np.float32),
        bbox_scale=np.array([[100, 200]], np.float32),
    )
    # the window of 187.5 x 250 leaves the image by 43.75 px on the left and 25 px above
    sample = GetBBoxCenterScale()(LoadImage(pad_to_aspect_ratio=True)(sample))
    assert sample["bbox_center"].tolist() == [[93, 125]]
