import cv2
import numpy as np
import pytest

from bmp.detectors.letterbox import check_image, letterbox


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
    boxed = letterbox(image, (320, 320))
    assert boxed.inner_shape == inner
    assert boxed.canvas.shape == (*canvas, 3)
    assert boxed.scale_factor == (inner[1] / shape[1], inner[0] / shape[0])
    assert (boxed.canvas[: inner[0], : inner[1]] == 7).all()
    assert (boxed.canvas[inner[0] :] == 114).all()
    assert (boxed.canvas[:, inner[1] :] == 114).all()


def test_resizing_is_opencvs_bilinear():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    boxed = letterbox(image, (64, 64))
    np.testing.assert_array_equal(boxed.canvas[:48], cv2.resize(image, (64, 48)))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        pytest.param(np.zeros((4, 4), np.uint8), ValueError, "GRAY2BGR", id="grey"),
        pytest.param(np.zeros((4, 4, 4), np.uint8), ValueError, "transparency", id="4 channels"),
        pytest.param(np.zeros((0, 4, 3), np.uint8), ValueError, "shape", id="no pixels"),
        pytest.param(np.zeros((4, 4, 3), np.float32), TypeError, "float32", id="float"),
        pytest.param("photo.jpg", TypeError, "str", id="a path"),
    ],
)
def test_what_is_no_image_is_refused(image, error, message):
    with pytest.raises(error, match=message):
        check_image(image)
