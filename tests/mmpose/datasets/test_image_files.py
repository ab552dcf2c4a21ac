from pathlib import Path

import cv2
import numpy as np
import pytest

from mmpose.datasets.image_files import find_image_files, image_path, read_image_shape


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "val" / "a").mkdir(parents=True)
    for name in ("1.png", "a/1.png"):
        cv2.imwrite(str(tmp_path / "val" / name), np.zeros((20, 30, 3), np.uint8))
    return tmp_path / "val"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("1.png", "1.png", id="plain"),
        pytest.param("a/1.png", "a/1.png", id="below"),
        pytest.param("/1.png", "1.png", id="a leading slash"),
        pytest.param("/a/1.png", "a/1.png", id="a leading slash, below"),
        pytest.param("a\\1.png", "a/1.png", id="of Windows"),
        pytest.param("/home/somebody/images/1.png", "1.png", id="of another machine"),
        pytest.param("C:\\data\\1.png", "1.png", id="of another Windows machine"),
        pytest.param("2.png", "2.png", id="missing"),
    ],
)
def test_one_rule_for_names(folder, name, expected):
    assert image_path(str(folder), name) == str(folder / expected)
    assert image_path(f"{folder}/", name) == str(folder / expected)


def test_absolute_names_that_exist_and_addresses_stay(folder):
    path = str(folder / "a" / "1.png")
    assert image_path("/elsewhere", path) == path
    assert image_path(str(folder), "s3://bucket/1.png") == "s3://bucket/1.png"
    assert image_path("", "1.png") == "1.png"


def test_missing_images_are_counted(folder):
    paths = [str(folder / name) for name in ("1.png", "2.png", "a/1.png", "2.png")]
    check = find_image_files([*paths, "s3://bucket/3.png"], "people.json")
    assert check.num_images == 4  # one of them named twice
    assert check.missing == (str(folder / "2.png"),)
    check.tell()
    gone = find_image_files([f"/nowhere/{n}.png" for n in range(1000)], "people.json")
    with pytest.raises(FileNotFoundError, match=r"none of the 1000 .* /nowhere/0\.png, /nowhere/1"):
        gone.tell()
    find_image_files([], "people.json").tell()


def test_the_shape_of_an_image(folder):
    assert read_image_shape(folder / "1.png") == (20, 30)
    assert read_image_shape(folder / "none.png") is None
    Path(folder / "text.png").write_text("no image")
    assert read_image_shape(folder / "text.png") is None
