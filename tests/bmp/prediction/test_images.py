"""The loop on image files, with a stand-in for the models: one person in the middle."""

import json
import os

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from bmp.prediction.images import ANNOTATIONS, run_photos
from bmp.prediction.inputs import find_inputs
from mmpose.inputs import image_suffixes
from tests.bmp.prediction.photo_parts import find_nobody, find_one, streamed


def find_photos(names):
    return find_inputs(names)[0]


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "in" / "7.png"
    path.parent.mkdir()
    cv2.imwrite(str(path), np.full((40, 60, 3), 90, np.uint8))
    return path


def test_a_folder_gives_its_images_by_name(photo):
    (photo.parent / "note.txt").write_text("no image")
    (photo.parent / "3.JPG").write_bytes(photo.read_bytes())
    (photo.parent / "folder.png").mkdir()
    for hidden in (".DS_Store", "._7.png", ".8.jpg"):
        (photo.parent / hidden).write_bytes(photo.read_bytes())
    assert [path.name for path in find_photos([photo.parent])] == ["3.JPG", "7.png"]


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_missing_images_are_named(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=name):
        find_photos([tmp_path / name])


def test_pictures_and_results_of_a_photo(photo, tmp_path):
    lines, out = [], tmp_path / "out"
    report = run_photos([photo], streamed(find_one), out, tell=lines.append)
    pictures = {"7_people.jpg", "7_turns.jpg", "7_turns.gif"}
    assert {path.name for path in out.iterdir() if path.is_file()} == {*pictures, "results.json"}
    assert {path.name for path in report.pictures} == pictures
    assert report.found == [1, 1]
    assert lines[0].startswith("[1/1] 7.png: 1 -> 1 people")
    (entry,) = json.loads((out / "results.json").read_text())
    assert (entry["image_id"], entry["file_name"]) == (7, "7.png")
    assert (entry["score"], entry["iteration"]) == (0.5, 0)
    assert entry["bbox"] == [20, 10, 15, 20]
    assert entry["keypoints"][:3] == [25.0, 25.0, 0.75]
    assert coco_mask.area(entry["segmentation"]) == 20 * 15


def test_results_load_against_the_written_annotations(photo, tmp_path):
    other = tmp_path / "in" / "b.png"
    cv2.imwrite(str(other), np.zeros((50, 70, 3), np.uint8))
    run_photos([other, photo], streamed(find_one), tmp_path / "out", gif=False, tell=str)
    written = COCO(tmp_path / "out" / ANNOTATIONS)
    sizes = {i: (e["file_name"], e["width"], e["height"]) for i, e in written.imgs.items()}
    assert sizes == {1: ("b.png", 70, 50), 7: ("7.png", 60, 40)}
    assert [written.imgs[n]["source"] for n in (1, 7)] == [str(other), str(photo)]
    assert sorted(written.anns) == [1, 2]
    loaded = written.loadRes(str(tmp_path / "out" / "results.json"))
    assert loaded.getImgIds() == written.getImgIds()
    for ours, theirs in zip(written.loadAnns([1, 2]), loaded.loadAnns([1, 2]), strict=True):
        assert ours["area"] == theirs["area"] == 300
        np.testing.assert_array_equal(written.annToMask(ours), loaded.annToMask(theirs))


def test_the_copies_are_the_images(photo, tmp_path):
    out = tmp_path / "my out"
    run_photos([photo, photo], streamed(find_one), out, gif=False, tell=str)
    names = [entry["file_name"] for entry in COCO(out / ANNOTATIONS).dataset["images"]]
    assert names == ["7.png", "7_2.png"]
    assert all((out / "images" / name).read_bytes() == photo.read_bytes() for name in names)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_photo_that_exif_data_turn_is_copied_turned(orientation, tmp_path):
    path, exif = tmp_path / "a.jpeg", Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:16, :16] = 255  # in the corner that 6 (90° clockwise) sends to the upper right
    Image.fromarray(stored).save(path, exif=exif)
    report = run_photos([path], streamed(find_one), tmp_path / "out", gif=False, tell=str)
    expected = {1: stored, 3: stored[::-1, ::-1], 6: np.rot90(stored, -1)}[orientation]
    (image,) = report.images
    assert (image["height"], image["width"]) == expected.shape[:2]
    copied = Image.open(tmp_path / "out" / "images" / image["file_name"])  # PIL does not turn
    np.testing.assert_allclose(np.asarray(copied), expected, atol=20)
    assert image["file_name"] == ("a.jpeg" if orientation == 1 else "a.jpg")


def test_nobody_found_still_lists_the_image(photo, tmp_path):
    report = run_photos([photo], streamed(find_nobody), tmp_path / "out", tell=str)
    content = json.loads((tmp_path / "out" / ANNOTATIONS).read_text())
    assert [entry["file_name"] for entry in content["images"]] == ["7.png"]
    assert (content["annotations"], report.found) == ([], [0])
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == []


def test_an_interruption_keeps_what_is_done(photo, tmp_path):
    def stop_at_the_second(image):
        if (tmp_path / "out" / "7_people.jpg").exists():
            raise KeyboardInterrupt
        return find_one(image)

    with pytest.raises(KeyboardInterrupt, match="1 of 3 images are done"):
        run_photos([photo] * 3, streamed(stop_at_the_second), tmp_path / "out", gif=False, tell=str)
    assert len(COCO(tmp_path / "out" / ANNOTATIONS).imgs) == 1
    assert len(json.loads((tmp_path / "out" / "results.json").read_text())) == 1


@pytest.mark.parametrize(
    "suffix",
    ["jpg", "jpeg", "jfif", "png", "bmp", "webp", "tif", "tiff", "gif", "jp2", "j2k", "ppm"],
)
@pytest.mark.parametrize("in_capitals", [False, True])
def test_files_of_other_writers_are_found_and_read(suffix, in_capitals, tmp_path):
    name = f"a.{suffix.upper() if in_capitals else suffix}"
    kind = {"jpg": "jpeg", "jfif": "jpeg", "tif": "tiff", "j2k": "jpeg2000", "jp2": "jpeg2000"}
    with open(tmp_path / name, "wb") as file:  # PIL chooses the stream of JPEG 2000 by the name
        image = Image.new("RGB", (60, 40), (20, 90, 200))
        image.save(file, kind.get(suffix, suffix), **({"no_jp2": True} if suffix == "j2k" else {}))
    report = run_photos(
        find_photos([tmp_path]), streamed(find_one), tmp_path / "out", gif=False, tell=str
    )
    assert report.failures == []
    (image,) = report.images
    assert (image["file_name"], image["width"], image["height"]) == (name, 60, 40)


def test_every_listed_ending_can_be_read_by_this_opencv():
    assert {".jpg", ".png", ".webp", ".tiff", ".bmp"} <= set(image_suffixes())
    image = np.full((64, 96), 90, np.uint8)
    for suffix in image_suffixes():
        if suffix in (".jfif", ".j2k", ".pxm"):  # OpenCV writes these by another name
            continue
        done, encoded = cv2.imencode(suffix, image if suffix == ".pgm" else cv2.merge([image] * 3))
        if suffix == ".pbm":  # two colours
            done, encoded = cv2.imencode(suffix, (image > 0).astype(np.uint8))
        assert done, suffix
        assert cv2.imdecode(encoded, cv2.IMREAD_COLOR).shape == (64, 96, 3)


@pytest.mark.parametrize(
    "name",
    [
        "x" * 251 + ".png",
        "ä" * 125 + ".png",
        "a." + "y" * 250,
        "a b 'c' (d).png",
        os.fsdecode(b"n\xff.png"),
    ],
)
def test_unusual_names_are_no_end_of_the_run(name, photo, tmp_path):
    path = tmp_path / name
    path.write_bytes(photo.read_bytes())
    report = run_photos([path, photo], streamed(find_one), tmp_path / "out", tell=str)
    assert len(report.images) == 2
    assert len({picture.name for picture in report.pictures}) == 6
    (tmp_path / "out" / ANNOTATIONS).read_text().encode()


def test_an_unreadable_photo_is_counted_and_the_others_are_done(photo, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"this is no image")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    report = run_photos(
        [bad, empty, photo], streamed(find_one), tmp_path / "out", gif=False, tell=str
    )
    assert [path.name for path, _ in report.failures] == ["bad.jpg", "empty.jpg"]
    assert "not an image" in report.failures[0][1]
    assert len(report.results) == 1
    assert not list((tmp_path / "out").glob("*.gif"))


def test_photos_of_one_name_do_not_overwrite_each_other(photo, tmp_path):
    twins = [tmp_path / name for name in ("7.png", "7.bmp", "7_2.png", "7_PEOPLE.PNG")]
    for twin in twins:
        twin.write_bytes(photo.read_bytes())
    paths = [photo, *twins, photo]
    report = run_photos(paths, streamed(find_one), tmp_path / "out", gif=False, tell=str)
    assert len({path.name.lower() for path in report.pictures}) == 12
    written = COCO(tmp_path / "out" / ANNOTATIONS)
    assert len(written.imgs) == len(written.anns) == 6
    assert len({entry["file_name"].lower() for entry in written.imgs.values()}) == 6


def test_inputs_in_the_output_folder_stay_as_they_are(photo, tmp_path):
    folder = tmp_path / "in"
    for name in ("7_people.jpg", "7_2_turns.jpg"):
        cv2.imwrite(str(folder / name), np.full((40, 60, 3), 200, np.uint8))
    (folder / "images").mkdir()
    (folder / "images" / "7_3.png").write_bytes(b"not to be replaced")
    paths = [*find_photos([folder]), folder / "images" / "7_3.png"]
    before = [path.read_bytes() for path in paths]
    run_photos(paths, streamed(find_one), folder, tell=str)
    assert [path.read_bytes() for path in paths] == before
