"""What users hand in: images, boxes, masks, devices, names of configs."""

import cv2
import numpy as np
import pytest
import torch

from bmp.environment import pick_device
from bmp.locations import find_config
from mmpose.inputs import (
    MissingImageError,
    UnreadableImageError,
    image_array,
    image_tensor,
    read_bboxes,
    read_image,
    read_masks,
)

IMAGE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_an_image_is_read_from_a_path_or_taken_as_it_is(tmp_path):
    path = tmp_path / "ä b.png"
    path.write_bytes(cv2.imencode(".png", IMAGE)[1].tobytes())
    np.testing.assert_array_equal(read_image(path), IMAGE)
    np.testing.assert_array_equal(read_image(str(path)), IMAGE)
    assert read_image(IMAGE) is IMAGE


@pytest.mark.parametrize("content", [None, b"", b"no image"], ids=["missing", "empty", "text"])
def test_an_unreadable_image_is_named(tmp_path, content):
    path = tmp_path / "broken.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match=r"cannot read image .*broken\.jpg"):
        read_image(path)


def test_a_missing_image_is_a_missing_file_too(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cannot read image .*none\.jpg: there is no such"):
        read_image(tmp_path / "none.jpg")
    assert issubclass(MissingImageError, UnreadableImageError)


def test_tensors_are_taken_and_share_their_memory():
    tensor = image_tensor(IMAGE)
    assert tensor.dtype == torch.uint8
    assert read_image(tensor) is tensor
    assert image_array(tensor).tolist() == IMAGE.tolist()
    read_only = IMAGE.copy()
    read_only.setflags(write=False)
    assert image_tensor(read_only).tolist() == IMAGE.tolist()


def test_a_format_that_is_switched_off_is_told(tmp_path):
    path = tmp_path / "a.exr"
    path.write_bytes(b"\x76\x2f\x31\x01" + bytes(60))
    with pytest.raises(ValueError, match=r"cannot read image .*a\.exr"):
        read_image(path)


@pytest.mark.parametrize(
    ("image", "fix"),
    [
        pytest.param(IMAGE[..., 0], "GRAY2BGR", id="grey"),
        pytest.param(IMAGE.astype(np.float32), "astype", id="float"),
        pytest.param(IMAGE[:0], r"shape \(0, 4, 3\)", id="no pixels"),
        pytest.param(np.zeros((2, 4, 4), np.uint8), "transparency", id="four channels"),
        pytest.param(np.zeros((3, 4, 5), np.uint8), "channels last", id="channels first"),
        pytest.param(torch.zeros(2, 4, 3), "float32 of shape", id="float tensor"),
    ],
)
def test_arrays_that_are_no_bgr_image_are_refused_with_the_fix(image, fix):
    with pytest.raises(ValueError, match=rf"an image is \(H, W, 3\) uint8 BGR, got.*{fix}"):
        read_image(image)
    with pytest.raises(TypeError, match="got list"):
        read_image([1, 2])


def test_bboxes():
    boxes = [[1, 2, 3, 4], [5, 6, 7, 8.5]]
    for given in (boxes, np.array(boxes), torch.tensor(boxes)):
        tensor = read_bboxes(given)
        assert tensor.dtype == torch.float32
        assert tensor.tolist() == boxes
    assert read_bboxes([]).shape == (0, 4)
    assert read_bboxes([[3, 4, 3, 9]]).tolist() == [[3, 4, 3, 9]]  # a line of pixels


@pytest.mark.parametrize(
    ("bboxes", "message"),
    [
        ([1, 2, 3, 4], r"\(N, 4\), got shape \(4,\); one box"),
        ([[1, 2, 3, 4, 0.9]], r"got shape \(1, 5\)"),
        ([[10, 10, 5, 5]], "are these xywh"),
        ([[0, 0, np.nan, 5]], "are these xywh"),
    ],
)
def test_wrong_bboxes_are_refused(bboxes, message):
    with pytest.raises(ValueError, match=message):
        read_bboxes(bboxes)


def test_masks():
    mask = np.array([[0, 255, 0, 1], [0, 0, 0, 0.5]])
    expected = [[False, True, False, True], [False, False, False, True]]
    for given in (mask, mask[None], [mask], torch.as_tensor(mask)):
        assert read_masks(given, 1, (2, 4)).unpack().tolist() == [expected]
    assert read_masks(None, 1, (2, 4)) is None
    assert read_masks([], 0, (2, 4)).shape == (0, 2, 4)
    with pytest.raises(ValueError, match=r"\(N, H, W\) = \(2, 2, 4\).* got shape \(1, 2, 4\)"):
        read_masks([mask], 2, (2, 4))


def test_devices():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match="use device='cpu'"):
        pick_device("cuda:99")
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        pick_device("gpu")


def test_configs_are_found_by_name_in_any_case(tmp_path, monkeypatch):
    demo = find_config("BMP_Demo")
    assert demo.name == "bmp_demo.py"
    monkeypatch.chdir(tmp_path)  # from anywhere, by its path in the project
    assert find_config("configs/demo/bmp_demo.py").samefile(demo)
    with pytest.raises(FileNotFoundError, match="did you mean 'bmp_demo'"):
        find_config("bmp_dmo")
    with pytest.raises(FileNotFoundError, match=r"no config file 'x\.py'"):
        find_config("x.py")
