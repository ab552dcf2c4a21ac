"""Predictions on disk: what counts, and in which order they come."""

import errno
import os
from pathlib import Path

import pytest
from mmengine.logging import MMLogger

from bmp.evaluation.prediction_store import PredictionStore, file_stamp


def record(img_id, people=0, error=None):
    return {"img_id": img_id, "turns": [[{"score": 1 / 3}] * people], "error": error}


def test_records_come_in_the_order_of_the_images_whoever_wrote_them(tmp_path):
    stamps = {3: [1, 1], "a": [1, 1], 1: [1, 1]}
    one, two = PredictionStore(tmp_path, stamps), PredictionStore(tmp_path, stamps)
    one.append(record(1, people=2))
    two.append(record(3))
    one.append(record("a", people=1))
    one.reload()
    assert [r["img_id"] for r in one] == [3, "a", 1]
    assert [r["turns"][0] for r in one] == [[], [{"score": 1 / 3}], [{"score": 1 / 3}] * 2]
    assert all(one.is_finished(img_id) for img_id in stamps)


def test_a_number_and_its_text_are_two_images(tmp_path):
    store = PredictionStore(tmp_path, {1: None, "1": None})
    store.append(record(1))
    store.reload()
    assert store.is_finished(1)
    assert not store.is_finished("1")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[:-10], id="cut off"),
        pytest.param(lambda text: text[:-1], id="without its end"),
        pytest.param(lambda text: text.replace(b'"img_id": 2', b'"img_id": 1'), id="changed"),
    ],
)
def test_a_damaged_line_is_an_image_to_do_again(tmp_path, damage, capfd):
    MMLogger.get_instance(str(tmp_path))  # one that writes to this test\'s stream
    store = PredictionStore(tmp_path, {1: None, 2: None})
    store.append(record(1, people=1))
    store.append(record(2))
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    found = PredictionStore(tmp_path, {1: None, 2: None})
    assert found.is_finished(1)
    assert not found.is_finished(2)
    assert [len(r["turns"][0]) for r in found] == [1]
    report = capfd.readouterr()
    assert "1 lines in" in report.out + report.err


def test_a_failed_image_is_tried_again_and_a_later_failure_undoes_nothing(tmp_path):
    store = PredictionStore(tmp_path, {1: None, 2: None})
    store.append(record(1, error="cannot read"))
    store.append(record(2, people=1))
    store.append(record(2, error="the disk was away"))
    store.reload()
    assert not store.is_finished(1)
    assert store.is_finished(2)
    assert [r["error"] for r in store] == ["cannot read", None]


def test_a_replaced_image_is_done_again(tmp_path):
    image = tmp_path / "image.png"
    image.write_bytes(b"one")
    store = PredictionStore(tmp_path / "store", {1: file_stamp(image)})
    store.append(record(1))
    assert PredictionStore(tmp_path / "store", {1: file_stamp(image)}).is_finished(1)
    os.utime(image, ns=(0, 1))
    assert not PredictionStore(tmp_path / "store", {1: file_stamp(image)}).is_finished(1)
    image.unlink()
    assert file_stamp(image) is None


@pytest.mark.parametrize(
    ("now", "people"),
    [
        pytest.param([9, 1], 1, id="the predicted file again"),
        pytest.param([5, 2], None, id="the damaged file"),
        pytest.param(None, None, id="no file"),
    ],
)
def test_a_prediction_of_another_file_does_not_stand_for_one_that_cannot_be_read(
    tmp_path, now, people
):
    PredictionStore(tmp_path, {1: [9, 1]}).append(record(1, people=1))
    for stamp in (None, [5, 2]):
        PredictionStore(tmp_path, {1: stamp}).append(record(1, error="cannot read"))
    found = PredictionStore(tmp_path, {1: now})
    assert found.is_finished(1) == (people is not None)
    ((error, turns),) = [(r["error"], r["turns"]) for r in found]
    assert (len(turns[0]), error) == ((people, None) if people else (0, "cannot read"))


def test_the_newer_of_two_records_counts(tmp_path):
    stamps = {1: None}
    PredictionStore(tmp_path, stamps).append(record(1, people=2))
    (newer,) = tmp_path.iterdir()
    PredictionStore(tmp_path, stamps).append(record(1, people=1))
    (older,) = set(tmp_path.iterdir()) - {newer}
    os.utime(older, ns=(0, 1))
    os.utime(newer, ns=(0, 2))
    assert [len(r["turns"][0]) for r in PredictionStore(tmp_path, stamps)] == [2]


def test_a_full_disk_keeps_what_was_there_and_says_so(tmp_path, monkeypatch):
    store = PredictionStore(tmp_path, {1: None, 2: None})
    store.append(record(1, people=1))

    def full(path, mode):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match=r"image 2 into .* \(No space left on device\); all earlier"):
        store.append(record(2))
    monkeypatch.undo()
    store.reload()
    assert store.is_finished(1)
    assert not store.is_finished(2)
