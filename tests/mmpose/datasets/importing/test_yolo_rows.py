"""Rows of YOLO's label files that people write by other programs, worked by hand."""

import pytest

from tests.mmpose.datasets.importing.test_readers import run, write_yolo


def test_confidences_of_a_prediction_are_no_flags(image, tmp_path):
    # `yolo predict save_txt=True` of a pose model: the third number of a joint is its confidence
    row = "0 0.5 0.5 0.2 0.4  0.5 0.4 0.91  0 0 0.2  0.55 0.6 1"
    folder = write_yolo(tmp_path, [row], kpt_shape=[3, 3])
    content, imported = run(folder, tmp_path, joint_names=("nose", "neck", "hip"))
    (person,) = content["annotations"]
    assert person["keypoints"] == [100, 40, 2, 0, 0, 0, 110, 60, 2]
    assert imported.odd == {"people whose joints have confidences for flags, taken as seen": 1}


def test_a_row_that_is_there_twice_is_one_person(image, tmp_path):
    # ultralytics 8.4 removes such rows before it trains
    rows = ["0 0.5 0.5 0.2 0.4", "0 0.5 0.5 0.2 0.3", "0  0.5 0.5 0.2 0.4 "]
    content, imported = run(write_yolo(tmp_path, rows), tmp_path)
    assert [person["bbox"] for person in content["annotations"]] == [
        [80, 30, 40, 40],
        [80, 35, 40, 30],
    ]
    assert imported.odd == {"rows that a file has twice, taken once": 1}


@pytest.mark.parametrize("row", ["0 100 50 40 40", "0 0.1 60 30 10 60 50", "0 0.5 nan 0.2 0.4"])
def test_pixels_are_no_shares(image, tmp_path, row):
    with pytest.raises(ValueError, match=r"a\.txt:1: (100|60|nan) is no share of an image"):
        run(write_yolo(tmp_path, [row]), tmp_path)
