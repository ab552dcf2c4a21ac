"""Faults of images: their sizes, names and files, and where they are looked for."""

import pytest

from mmpose.datasets.faults import Level
from mmpose.datasets.file_check import check_file, find_folder
from tests.mmpose.datasets.checked_files import seen, write
from tests.mmpose.datasets.ordinary_people import ordinary, said_otherwise, sizes


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param(
            sizes(lambda w, h: (h, w)),
            "images whose stated size is not that of the file, which is taken",
            id="size_exchanged",
        ),
        pytest.param(
            sizes(lambda w, h: (None, None)),
            "images without a stated size, which is read from the file",
            id="size_null",
        ),
        pytest.param(
            sizes(lambda w, h: (float(w), float(h))),
            "sizes that are not whole numbers",
            id="size_float",
        ),
    ],
)
def test_sizes_that_are_read_right(change, kind, tmp_path):
    found = seen(check_file(write(tmp_path, said_otherwise(change))))
    assert found == {kind: (Level.CORRECTED, 2)}


def test_sizes_without_images_are_doubtful(tmp_path):
    path = write(tmp_path, said_otherwise(sizes(lambda w, h: (w // 2, h))))
    for file in (tmp_path / "images").iterdir():
        file.unlink()
    check = check_file(path)
    kind = "images whose stated size boxes or masks contradict"
    assert check.folder is None
    assert seen(check)[kind] == (Level.DOUBTFUL, 2)


def test_a_larger_stated_size_is_misread(tmp_path):
    path = write(tmp_path, said_otherwise(sizes(lambda w, h: (2 * w, 2 * h))))
    kind = "images of another size than stated, with annotations that fit the stated one"
    assert seen(check_file(path)) == {kind: (Level.MISREAD, 2)}


def test_absolute_file_names(tmp_path):
    content = ordinary()
    for image in content["images"]:
        image["file_name"] = f"/gone/{image['file_name']}"
    assert seen(check_file(write(tmp_path, content))) == {
        "absolute file names": (Level.CORRECTED, 2)
    }


def test_missing_and_broken_images(tmp_path):
    path = write(tmp_path, ordinary())
    (tmp_path / "images" / "4.png").unlink()
    (tmp_path / "images" / "9.png").write_bytes(b"no image")
    assert seen(check_file(path)) == {
        "image files that are missing": (Level.DROPPED, 1),
        "image files that cannot be opened": (Level.DROPPED, 1),
    }
    (tmp_path / "empty").mkdir()
    found = seen(check_file(path, str(tmp_path / "empty")))
    assert found == {"image files that are missing": (Level.REFUSED, 2)}


def test_the_folder_of_images_is_looked_for_nearby(tmp_path):
    path = write(tmp_path, ordinary())
    beside = tmp_path / "annotations" / "people.json"
    beside.parent.mkdir()
    beside.write_text(path.read_text())
    images = ordinary()["images"]
    assert find_folder(path, images) == find_folder(beside, images) == str(tmp_path / "images")
    assert find_folder(path, [{"id": 1, "file_name": "elsewhere.png"}]) is None


def test_a_folder_far_away_is_not_taken(tmp_path):
    write(tmp_path, ordinary())
    (tmp_path / "other").mkdir()
    assert find_folder(tmp_path / "other" / "people.json", ordinary()["images"]) is None
