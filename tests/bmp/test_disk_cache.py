"""Arrays on disk: whole, right and bounded, or computed again."""

import errno
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger

from bmp.disk_cache import DiskCache, digest, file_digest

ARRAYS = {"a": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.zeros((0, 4), np.int64)}


def test_what_was_written_is_read(tmp_path):
    cache = DiskCache(tmp_path / "new" / "folder")
    assert cache.read("key") is None
    cache.write("key", ARRAYS)
    found = DiskCache(tmp_path / "new" / "folder").read("key")
    assert sorted(found) == ["a", "b"]
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("part", ["hash", "header", "numbers"])
@pytest.mark.parametrize("kind", ["a bit", "cut off"])
def test_a_damaged_file_is_not_trusted(tmp_path, part, kind, capfd):
    MMLogger.get_instance(str(tmp_path))  # one that writes to this test\'s stream
    cache = DiskCache(tmp_path)
    cache.write("key", ARRAYS)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    at = {"hash": 3, "header": 40, "numbers": len(content) - 5}[part]
    damaged = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    path.write_bytes(damaged if kind == "a bit" else content[:at])
    assert cache.read("key") is None
    report = capfd.readouterr()
    assert "is damaged" in report.out + report.err
    cache.write("key", ARRAYS)
    assert path.read_bytes() == content


def test_a_full_cache_takes_nothing_more_and_says_so_once(tmp_path, capfd):
    MMLogger.get_instance(str(tmp_path))  # one that writes to this test\'s stream
    cache = DiskCache(tmp_path, max_gib=100 / 2**30)
    cache.write("first", {"a": np.zeros(80, np.uint8)})
    cache.write("second", {"a": np.zeros(80, np.uint8)})
    cache.write("third", {"a": np.zeros(8, np.uint8)})
    assert cache.read("first") is not None
    assert cache.read("second") is None
    report = capfd.readouterr()
    assert (report.out + report.err).count("takes nothing more") == 1


def test_a_full_disk_ends_no_run(tmp_path, monkeypatch, capfd):
    MMLogger.get_instance(str(tmp_path))  # one that writes to this test\'s stream
    cache = DiskCache(tmp_path)

    def write_bytes(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    cache.write("key", ARRAYS)
    assert cache.read("key") is None
    report = capfd.readouterr()
    assert "No space left on device" in report.out + report.err
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_counts_as_taken(tmp_path):
    DiskCache(tmp_path).write("old", {"a": np.zeros(1000, np.uint8)})
    cache = DiskCache(tmp_path, max_gib=1050 / 2**30)  # the file has a header too
    cache.write("new", {"a": np.zeros(100, np.uint8)})
    assert cache.read("new") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("ab", "c"), ("a", "bc"), id="where a text ends"),
        pytest.param((np.zeros(4),), (np.zeros((2, 2)),), id="shape"),
        pytest.param((np.zeros(2, np.float32),), (np.zeros(1),), id="dtype"),
        pytest.param((torch.zeros(2),), (torch.tensor([0.0, 1e-30]),), id="a last bit"),
        pytest.param((None,), ("",), id="nothing is no text"),
        pytest.param(("a", None), ("a",), id="number of parts"),
    ],
)
def test_other_content_has_another_hash(one, other):
    assert digest(*one) != digest(*other)
    assert digest(*one) == digest(*one)


def test_a_file_counts_by_content(tmp_path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (file_digest(tmp_path / name) for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("max_gib", [0, -1.0, float("nan")])
def test_no_room_is_refused(tmp_path, max_gib):
    with pytest.raises(ValueError, match="must be above 0"):
        DiskCache(tmp_path, max_gib)


def test_a_folder_that_cannot_be_made_is_told_with_the_fix(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file/cache of a cache cannot be made .*cache=None"):
        DiskCache(tmp_path / "file" / "cache")
