"""Lists of JSON values in a temporary file."""

import io
import json

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
