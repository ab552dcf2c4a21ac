"""A folder in batches: order, bad images, an earlier run, and the same files for every size."""

from functools import partial

import cv2
import pytest

from bmp.api import BBoxMaskPose
from bmp.prediction.images import ANNOTATIONS, RESULTS, run_photos
from bmp.prediction.records import Records
from tests.bmp.loop_parts import (
    APART,
    NOBODY,
    TWO_IN_ONE_PLACE,
    AfraidOfTwo,
    rectangle_parts,
)

SCENES = (APART, NOBODY, TWO_IN_ONE_PLACE, APART, APART)


@pytest.fixture
def paths(tmp_path):
    """a.png to e.png, and a file that is no image between b and c."""
    (tmp_path / "in").mkdir()
    for name, scene in zip("abcde", SCENES, strict=True):
        cv2.imwrite(str(tmp_path / "in" / f"{name}.png"), scene)
    (tmp_path / "in" / "bad.png").write_bytes(b"no image")
    return [tmp_path / "in" / f"{name}.png" for name in ("a", "b", "bad", "c", "d", "e")]


def finder(batch_size, **parts):
    loop = BBoxMaskPose("bmp_demo", "cpu", **rectangle_parts(**parts))
    options = {"return_intermediates": True, "return_frames": True}
    return partial(loop.stream, batch_size=batch_size, **options)


def run(paths, find, out, **options):
    return run_photos(paths, find, out, gif=False, **{"tell": str, **options})


def test_every_batch_size_writes_the_same_files(paths, tmp_path):
    texts = []
    for size in (1, 2, 4, 9):
        out = tmp_path / str(size)
        run(paths, finder(size), out)
        files = sorted(file.relative_to(out).as_posix() for file in out.rglob("*.*"))
        texts.append((files, (out / RESULTS).read_text(), (out / ANNOTATIONS).read_text()))
    assert texts == [texts[0]] * 4


def test_a_bad_image_is_told_in_its_place_and_counted(paths, tmp_path):
    lines = []
    report = run(paths, finder(4), tmp_path / "out", tell=lines.append)
    assert [line.split()[0] for line in lines] == [f"[{n}/6]" for n in range(1, 7)]
    assert lines[2].startswith("[3/6] left out: ")
    assert lines[0].startswith("[1/6] a.png: 2 -> 2 people, a_people.jpg, ")
    assert [path.name for path, _ in report.failures] == ["bad.png"]
    assert [entry["file_name"] for entry in report.images] == [f"{n}.png" for n in "abcde"]


def test_an_image_in_which_a_part_fails_is_left_out_with_its_name(paths, tmp_path):
    lines = []
    report = run(paths, finder(4, pose_model=AfraidOfTwo()), tmp_path / "out", tell=lines.append)
    assert lines[3].startswith(f"[4/6] left out: {paths[3]}: two at once")
    assert [path.name for path, _ in report.failures] == ["bad.png", "c.png"]
    assert [entry["file_name"][0] for entry in report.images] == list("abde")


def test_only_what_an_earlier_run_lacks_is_searched(paths, tmp_path):
    out, asked = tmp_path / "out", []

    def find(some):
        asked.append([path.name for path in some])
        return finder(2)(some)

    records = Records(out, {})
    run([paths[0], paths[4]], find, out, records=records)
    report = run(paths, find, out, records=records)
    assert asked == [["a.png", "d.png"], ["b.png", "bad.png", "c.png", "e.png"]]
    assert report.num_known == 2
    whole = run(paths, finder(1), tmp_path / "at_once")
    assert report.results == whole.results
    assert report.annotations == whole.annotations


def test_an_interruption_keeps_the_images_before_it(paths, tmp_path):
    find = finder(2)

    def interrupted(some):
        for n, answer in enumerate(find(some)):
            if n == 3:
                raise KeyboardInterrupt
            yield answer

    with pytest.raises(KeyboardInterrupt, match="2 of 6 images are done"):
        run(paths, interrupted, tmp_path / "out")
    assert (tmp_path / "out" / RESULTS).is_file()
