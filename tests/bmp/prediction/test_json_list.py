"""Lists of JSON values in a temporary file."""

import io
import json
import tempfile
from pathlib import Path

import pytest

from bmp.prediction.json_list import JsonList


def test_it_reads_and_writes_as_a_list_does():
    values = [{"a": [1, 2.5, None]}, "ä\nb", 3]
    kept = JsonList()
    kept.append(values[0])
    assert list(kept) == values[:1]  # reading does not disturb what comes after
    kept += values[1:]
    assert (len(kept), kept) == (3, values)
    file = io.StringIO()
    kept.write(file)
    assert json.loads(file.getvalue()) == values


def test_nothing_is_an_empty_list():
    file = io.StringIO()
    JsonList().write(file)
    assert (file.getvalue(), len(JsonList()), list(JsonList())) == ("[]", 0, [])


def test_readers_may_stop_and_the_list_may_grow_meanwhile():
    kept = JsonList()
    kept += range(3)
    for _ in kept:
        break
    reader = iter(kept)
    assert next(reader) == 0
    kept.append(3)
    assert list(zip(reader, kept, strict=False)) == [(1, 0), (2, 1), (3, 2)]
    assert kept == [0, 1, 2, 3]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full disk")
def test_a_full_disk_is_named_by_the_folder_of_temporary_files():
    kept = JsonList()
    kept._file = open("/dev/full", "r+b")  # noqa: SIM115
    with pytest.raises(OSError, match="No space") as caught:
        kept.append(1)
    kept._file.raw.close()
    assert caught.value.filename == tempfile.gettempdir()
