"""``bmp data`` as a user calls it."""

import json

import pytest

from bmp.cli import main
from tests.mmpose.datasets.tiny_people import write_people


def write(folder, change=lambda people: None):
    content = write_people(folder)
    change(content["annotations"])
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_a_clean_file_gives_0(tmp_path, capsys):
    assert main(["data", "check", write(tmp_path)]) == 0
    told = capsys.readouterr()
    assert "10 people can be trained on" in told.out
    assert told.err == ""


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("area", 0, 0), ("bbox", [1], 1), ("segmentation", None, 1), ("image_id", 99, 1)],
)
def test_only_what_is_lost_gives_1(field, value, code, tmp_path, capsys):
    path = write(tmp_path, lambda people: people[0].update({field: value}))
    assert main(["data", "check", path]) == code
    assert "kinds of faults: 1" in capsys.readouterr().out


def test_the_page_is_named(tmp_path, capsys):
    path = write(tmp_path)
    assert main(["data", "check", path, "--out", str(tmp_path / "out")]) == 0
    assert str(tmp_path / "out" / "check.html") in capsys.readouterr().out
    assert (tmp_path / "out" / "check.html").is_file()


@pytest.mark.parametrize("action", ["check", "advise"])
@pytest.mark.parametrize("text", [None, "[1", "[]", '{"images": [], "annotations": [3]}'])
def test_bad_input_is_one_line(action, text, tmp_path, capsys):
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    assert main(["data", action, str(path)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "a.json" in told.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--memory", "0"], "--memory"),
        (["--images", "nowhere"], "nowhere"),
        (["--skeleton", "dog.py"], "dog.py"),
        (["--write", "mine.yaml"], ".py"),
        (["--val", "nowhere.json", "--write", "mine.py"], "nowhere.json"),
    ],
)
def test_wrong_options_of_advice_are_one_line(arguments, word, tmp_path, capsys, monkeypatch):
    path = write(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["data", "advise", path, *arguments]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert word in told


def test_nobody(tmp_path, capsys):
    path = write(tmp_path, lambda people: people.clear())
    assert main(["data", "check", path]) == 1
    assert "nobody to train on" in capsys.readouterr().out
    assert main(["data", "advise", path]) == 1
    assert "nobody with a labelled joint" in capsys.readouterr().err
