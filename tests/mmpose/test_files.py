"""Files that appear whole or not at all."""

import json
import os
import stat
import threading

import cv2
import numpy as np
import pytest

from mmpose.errors import check_file_writable, is_no_file
from mmpose.files import whole_file, write_image, write_json

IMAGE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_finished(tmp_path):
    path = tmp_path / "new" / "numbers.txt"
    with whole_file(path) as partial:
        partial.write_text("1")
        assert not path.exists()
    assert path.read_text() == "1"
    assert names(path.parent) == ["numbers.txt"]


def test_an_interruption_leaves_the_old_file(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("old")

    def write_half():
        with whole_file(path) as partial:
            partial.write_text("new, but cut sh")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["numbers.txt"]


def test_json_is_read_back(tmp_path):
    write_json(tmp_path / "new" / "results.json", [{"image_id": 7}])
    assert json.loads((tmp_path / "new" / "results.json").read_text()) == [{"image_id": 7}]
    assert names(tmp_path / "new") == ["results.json"]


def test_an_image_is_written_and_read_back(tmp_path):
    path = write_image(tmp_path / "new" / "image.png", IMAGE)
    np.testing.assert_array_equal(cv2.imread(str(path)), IMAGE)
    with pytest.raises(ValueError, match=r"\.jpg or \.png"):
        write_image(tmp_path / "image.what", IMAGE)


def test_a_failed_write_leaves_no_part_behind(tmp_path):
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(OSError, match=r"taken\.png"):
        write_image(tmp_path / "taken.png", IMAGE)
    assert names(tmp_path) == ["taken.png"]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    check_file_writable(pipe)
    write_json(pipe, [1])
    reader.join(timeout=10)
    assert read == ["[1]\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(tmp_path) == ["pipe"]


def test_names_of_the_system_are_no_files_to_be_replaced(tmp_path):
    assert is_no_file("/dev/null")
    assert is_no_file("/dev/stdout")  # also where a shell leads it to a file
    assert not is_no_file("/dev/shm/new.json")
    assert not is_no_file(tmp_path)
    assert not is_no_file(tmp_path / "new.json")
