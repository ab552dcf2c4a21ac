from pathlib import Path

import cv2
import numpy as np
import pytest

from mmpose.datasets.pictures import find_pictures, picture_path, picture_shape


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
    assert picture_path(str(folder), name) == str(folder / expected)
    assert picture_path(f"{folder}/", name) == str(folder / expected)


def test_absolute_names_that_exist_and_addresses_stay(folder):
    path = str(folder / "a" / "1.png")
    assert picture_path("/elsewhere", path) == path
    assert picture_path(str(folder), "s3://bucket/1.png") == "s3://bucket/1.png"
    assert picture_path("", "1.png") == "1.png"


def test_missing_pictures_are_counted(folder):
    paths = [str(folder / name) for name in ("1.png", "2.png", "a/1.png", "2.png")]
    check = find_pictures([*paths, "s3://bucket/3.png"], "people.json")
    assert check.num_pictures == 4  # one of them named twice
    assert check.missing == (str(folder / "2.png"),)
    check.tell()
    gone = find_pictures([f"/nowhere/{n}.png" for n in range(1000)], "people.json")
    with pytest.raises(FileNotFoundError, match=r"none of the 1000 .* /nowhere/0\.png, /nowhere/1"):
        gone.tell()
    find_pictures([], "people.json").tell()


def test_the_shape_of_a_picture(folder):
    assert picture_shape(folder / "1.png") == (20, 30)
    assert picture_shape(folder / "none.png") is None
    Path(folder / "text.png").write_text("no image")
    assert picture_shape(folder / "text.png") is None
