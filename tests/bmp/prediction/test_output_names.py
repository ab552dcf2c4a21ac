"""Names and ids of the outputs of many images."""

import os
from pathlib import Path

import pytest

from bmp.prediction.output_names import MAX_STEM_BYTES, image_ids, output_stems


def stems(*names, folder=Path("out")):
    paths = [Path(name) for name in names]
    return output_stems(paths, lambda path, stem: [folder / f"{stem}_people.jpg"])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["a.jpg", "b.jpg"], ["a", "b"], id="different"),
        pytest.param(["a.jpg", "a.png"], ["a", "a_2"], id="endings"),
        pytest.param(["in/a.jpg", "on/a.jpg"], ["a", "a_2"], id="folders"),
        pytest.param(["a.jpg", "a.jpg", "a.jpg"], ["a", "a_2", "a_3"], id="given again"),
        pytest.param(["a.jpg", "a.png", "a_2.jpg"], ["a", "a_3", "a_2"], id="number is a name"),
        pytest.param(["a_2.jpg", "a.jpg", "a.png"], ["a_2", "a", "a_3"], id="number comes first"),
        pytest.param(["a.jpg", "A.jpg", "A_2.jpg"], ["a", "A_3", "A_2"], id="case"),
        pytest.param(["ß.jpg", "SS.jpg"], ["ß", "SS_2"], id="case of ß"),
        pytest.param(["\u00e9.jpg", "e\u0301.jpg"], ["\u00e9", "e\u0301_2"], id="accents"),
        pytest.param([], [], id="none"),
    ],
)
def test_every_image_has_its_own_name(names, expected):
    assert stems(*names) == expected


@pytest.mark.parametrize("letter", ["x", "ä", "日"])
def test_long_names_are_shortened_and_stay_apart(letter):
    long = letter * (250 // len(letter.encode()))
    found = stems(f"{long}.jpg", f"{long[:-1]}.jpg", f"{long}.png")
    assert len(set(found)) == 3
    assert all(long.startswith(stem.split("_")[0]) for stem in found)
    assert max(len(stem.encode()) for stem in found) <= MAX_STEM_BYTES + 2


def test_bytes_that_are_no_text_are_left_out():
    assert stems(os.fsdecode(b"a\xff.jpg"), os.fsdecode(b"a\xfe.jpg")) == ["a", "a_2"]


def test_no_output_replaces_another_input(tmp_path):
    names = [tmp_path / "a.jpg", tmp_path / "a_people.jpg", tmp_path / "a_2_people.jpg"]
    found = stems(*names, folder=tmp_path)
    assert found == ["a_3", "a_people", "a_2_people"]
    assert stems(*names, folder=tmp_path / "out") == ["a", "a_people", "a_2_people"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["b.jpg", "a.jpg"], [1, 2], id="words"),
        pytest.param(["000000000139.jpg", "000000000285.jpg"], [139, 285], id="COCO"),
        pytest.param(["a.jpg", "1.jpg", "b.jpg"], [2, 1, 3], id="number beside words"),
        pytest.param(["7.jpg", "7.png", "007.jpg"], [7, 1, 2], id="one number thrice"),
        pytest.param(["0.jpg", "1.jpg"], [0, 1], id="frames from 0"),
        pytest.param(["9" * 40 + ".jpg", "²³.jpg", "-4.jpg"], [1, 2, 3], id="no ids"),
        pytest.param([], [], id="none"),
    ],
)
def test_every_image_has_its_own_id(names, expected):
    assert image_ids([Path(name) for name in names]) == expected
