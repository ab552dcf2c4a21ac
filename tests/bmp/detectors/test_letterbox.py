import cv2
import numpy as np
import pytest
import torch

from bmp.detectors.letterbox import Canvas, letterbox, read_canvas
from mmpose.structures.packed_masks import empty_masks, pack_masks


@pytest.mark.parametrize(
    ("shape", "inner", "canvas"),
    [
        pytest.param((240, 320), (240, 320), (320, 320), id="fits as it is"),
        pytest.param((425, 640), (213, 320), (320, 320), id="212.5 rows round up"),
        pytest.param((1, 1), (320, 320), (320, 320), id="one pixel"),
        pytest.param((1, 10000), (1, 320), (320, 320), id="a line keeps one row"),
    ],
)
def test_an_image_keeps_its_ratio_and_is_padded(shape, inner, canvas):
    image = np.full((*shape, 3), 7, dtype=np.uint8)
    boxed = letterbox(image, Canvas((320, 320), (320, 320)))
    assert boxed.inner_shape == inner
    assert boxed.pixels.shape == (3, *canvas)
    assert boxed.scale_factor == (inner[1] / shape[1], inner[0] / shape[0])
    assert (boxed.pixels[:, : inner[0], : inner[1]] == 7).all()
    assert (boxed.pixels[:, inner[0] :] == 114).all()
    assert (boxed.pixels[..., inner[1] :] == 114).all()


def test_resizing_is_opencvs_bilinear():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    boxed = letterbox(image, Canvas((64, 64), (64, 64)))
    np.testing.assert_array_equal(
        boxed.pixels[:, :48].permute(1, 2, 0), cv2.resize(image, (64, 48))
    )


def test_without_padding_the_model_pads_and_without_ratio_both_sides_meet_the_size():
    image = np.zeros((40, 80, 3), np.uint8)
    assert letterbox(image, Canvas((64, 32))).pixels.shape == (3, 32, 64)
    assert letterbox(image, Canvas((32, 64))).pixels.shape == (3, 32, 64)  # long side to long side
    boxed = letterbox(image, Canvas((30, 50), keeps_ratio=False))
    assert boxed.pixels.shape == (3, 50, 30)
    assert boxed.scale_factor == (30 / 80, 50 / 40)


def test_the_canvas_is_that_of_the_test_pipeline():
    resize = dict(type="mmdet.Resize", scale=(1333, 800), keep_ratio=True)
    assert read_canvas({"test_pipeline": [resize]}) == Canvas((1333, 800))
    square = dict(type="Pad", pad_to_square=True, pad_val=dict(img=(114.0, 114.0, 114.0)))
    loader = dict(dataset=dict(pipeline=[dict(type="Resize", scale=(640, 640)), square]))
    config = {"test_dataloader": loader, "test_pipeline": [resize]}
    assert read_canvas(config) == Canvas((640, 640), (640, 640), keeps_ratio=False)
    black = dict(type="Pad", size=(64, 32))
    assert read_canvas({"test_pipeline": [resize, black]}).pad_value == (0, 0, 0)
    with pytest.raises(ValueError, match="pad_size_divisor"):
        read_canvas({"test_pipeline": [resize, dict(type="Pad", size_divisor=32)]})
    with pytest.raises(ValueError, match="no test pipeline with"):
        read_canvas({"test_pipeline": [dict(type="PackDetInputs")]})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param((70, 93), (41, 33), id="smaller"),
        pytest.param((20, 31), (64, 77), id="larger"),
        pytest.param((64, 48), (32, 24), id="halved: means of four"),
        pytest.param((64, 48), (32, 48), id="one side halved"),
        pytest.param((33, 21), (33, 21), id="as it is"),
        pytest.param((1, 90), (7, 31), id="a line"),
    ],
)
def test_every_pixel_is_opencvs(old, new):
    image = np.random.default_rng(1).integers(0, 256, (*old, 3), dtype=np.uint8)
    boxed = letterbox(image, Canvas(new[::-1], keeps_ratio=False))
    expected = cv2.resize(image, new[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(boxed.pixels.permute(1, 2, 0), expected)


def test_hidden_people_are_black_before_resizing():
    draw = np.random.default_rng(2)
    image = draw.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    masks = draw.random((3, 50, 70)) > 0.8
    canvas = Canvas((32, 32), (32, 32))
    black = np.where(masks.any(0)[..., None], np.uint8(0), image)
    hidden = letterbox(image, canvas, pack_masks(torch.from_numpy(masks)))
    assert torch.equal(hidden.pixels, letterbox(black, canvas).pixels)
    assert not torch.equal(hidden.pixels, letterbox(image, canvas).pixels)


def test_masks_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 6\), but the image is \(4, 5\)"):
        letterbox(np.zeros((4, 5, 3), np.uint8), Canvas((8, 8)), empty_masks(1, (4, 6), "cpu"))
