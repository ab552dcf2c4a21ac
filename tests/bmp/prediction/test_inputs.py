"""Which files the command line's inputs are."""

import pytest

from bmp.prediction.inputs import find_inputs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("b.jpg", "a.PNG", "film.mp4", "note.md", ".hidden.jpg", "deep/c.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(paths):
    return [path.name for path in paths]


@pytest.mark.parametrize(
    ("given", "images", "videos"),
    [
        pytest.param(["b.jpg"], ["b.jpg"], [], id="file"),
        pytest.param(["."], ["a.PNG", "b.jpg"], ["film.mp4"], id="folder"),
        pytest.param(["**/*.jpg"], ["b.jpg", "c.jpg"], [], id="pattern"),
        pytest.param(["film.mp4", "b.jpg"], ["b.jpg"], ["film.mp4"], id="both"),
        pytest.param(["note.md"], ["note.md"], [], id="named by the user, however it ends"),
    ],
)
def test_inputs_are_found_in_order(folder, given, images, videos):
    found = find_inputs(given)
    assert (names(found[0]), names(found[1])) == (images, videos)


def test_a_list_of_windows_is_read(folder):
    (folder / "list.TXT").write_bytes(b"\xef\xbb\xbfb.jpg\r\ndeep/c.jpg\r\n")
    assert names(find_inputs(["list.TXT"])[0]) == ["b.jpg", "c.jpg"]


def test_lists_that_name_each_other_end(folder):
    (folder / "list.txt").write_text("list.txt\nb.jpg\ndeep/other.txt\n")  # ls > list.txt
    (folder / "deep/other.txt").write_text("c.jpg\n../list.txt\n")
    assert names(find_inputs(["list.txt", "list.txt"])[0]) == ["b.jpg", "c.jpg"] * 2


def test_a_list_that_is_no_utf_8_is_named(folder):
    (folder / "list.txt").write_bytes("café.jpg".encode("latin-1"))
    with pytest.raises(ValueError, match=r"the list list.txt is not in UTF-8"):
        find_inputs(["list.txt"])


def test_a_list_is_relative_to_itself(folder, tmp_path):
    (folder / "deep/list.txt").write_text("# mine\nc.jpg\n\n../b.jpg\n")
    assert names(find_inputs(["deep/list.txt"])[0]) == ["c.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("absent.jpg", "no such image, video or folder"),
        ("*.gifx", "no image or video fits the pattern"),
        ("empty.txt", "names no file"),
    ],
)
def test_inputs_that_lead_nowhere_are_named(folder, given, message):
    (folder / "empty.txt").write_text("# nothing\n")
    with pytest.raises(FileNotFoundError, match=message):
        find_inputs([given])
