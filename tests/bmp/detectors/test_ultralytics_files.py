import json

import pytest

from bmp.detectors import BoxFileDetector, build_detector
from bmp.detectors.ultralytics_files import match_stems
from bmp.loop.part_keys import part_key

WIDTH, HEIGHT = 200, 100
JOINTS = "0.5 0.5 0.9 " * 17


@pytest.fixture
def ann_file(tmp_path):
    images = [
        {"id": 7, "file_name": "val/000012.jpg", "width": WIDTH, "height": HEIGHT},
        {"id": 8, "file_name": "crowd.png", "width": WIDTH, "height": HEIGHT},
    ]
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": []}))
    return path


@pytest.fixture
def detect(tmp_path, ann_file):
    """The people that a folder with one file has in image 8 of (h, w) (100, 200)."""

    def detect(text, name="crowd.txt", **settings):
        folder = tmp_path / "labels"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        detector = BoxFileDetector(folder, ann_file=ann_file, **settings)
        return detector.people_of(8, (HEIGHT, WIDTH))

    return detect


def test_boxes_of_a_detect_run(detect):
    rows = "0 0.5 0.5 0.25 0.5 0.75\n16 0.5 0.5 0.1 0.1 0.99\n0 0.1 0.25 0.1 0.3 0.8\n"
    people = detect(rows, task="detect")
    # centre (100, 50), sides (50, 50); centre (20, 25), sides (20, 30); a dog is 16
    assert people.bboxes.tolist() == [[10, 10, 30, 40], [75, 25, 125, 75]]
    assert people.bbox_scores.tolist() == pytest.approx([0.8, 0.75])
    assert "masks" not in people
    (dog,) = detect(rows, task="detect", category_id=16).bbox_scores.tolist()
    assert dog == pytest.approx(0.99)


def test_outlines_of_a_segment_run_are_masks_and_boxes(detect):
    # corners (20, 10), (60, 10), (60, 40), (20, 40); a mask of one pixel has no outline
    people = detect("0 0.1 0.1 0.3 0.1 0.3 0.4 0.1 0.4 0.9\n0 0.5 0.5 0.7\n0 0.6\n", task="segment")
    assert people.bboxes.tolist() == [[20, 10, 60, 40]]
    assert people.masks.shape == (1, HEIGHT, WIDTH)
    assert people.masks[0, 10:40, 20:60].all()
    assert people.masks.sum() == 30 * 40


@pytest.mark.parametrize("joints", ["0.5 0.5 0.9 " * 17, "0.5 0.5 " * 17])
def test_boxes_of_a_pose_run(detect, joints):
    people = detect(f"0 0.5 0.5 0.25 0.5 {joints}0.75", task="pose")
    assert people.bboxes.tolist() == [[75, 25, 125, 75]]
    assert people.bbox_scores.tolist() == pytest.approx([0.75])


def as_json(**changes):
    entry = {
        "name": "person",
        "class": 0,
        "confidence": 0.75,
        "box": {"x1": 19.5, "y1": 9.5, "x2": 60.5, "y2": 40.5},
        "segments": {"x": [20, 60, 60, 20], "y": [10, 10, 40, 40]},
    }
    return json.dumps([{**entry, **changes}])


def test_json_of_one_image_is_in_pixels(detect):
    people = detect(as_json(), "crowd.json")
    assert people.bboxes.tolist() == [[19.5, 9.5, 60.5, 40.5]]
    assert people.masks.sum() == 30 * 40


@pytest.mark.parametrize("segments", [{"x": [], "y": []}, {"x": [20, 60], "y": [10, 10]}])
def test_a_mask_that_encloses_nothing_does_not_take_the_masks_of_others(detect, segments):
    # ultralytics 8.4 writes such entries to JSON, and no row of the first to text
    (whole,), (empty,) = json.loads(as_json()), json.loads(as_json(segments=segments))
    people = detect(json.dumps([empty, whole]), "crowd.json")
    assert people.masks.sum(dim=(1, 2)).tolist() == [30 * 40]


def test_an_image_without_a_file_has_nobody_and_other_files_are_left_out(
    tmp_path, ann_file, detect, monkeypatch
):
    told = []
    monkeypatch.setattr("bmp.detectors.ultralytics_files.print_log", lambda m, **_: told.append(m))
    detect("0 0.5 0.5 0.25 0.5 0.75", task="detect")
    (tmp_path / "labels/elsewhere.txt").write_text("0 0.5 0.5 0.25 0.5 0.75")
    detector = BoxFileDetector(tmp_path / "labels", ann_file=ann_file, task="detect")
    assert len(detector.people_of(7, (HEIGHT, WIDTH))) == 0
    assert len(detector.people_of(8, (HEIGHT, WIDTH))) == 1
    (line,) = told
    assert "1 files are of no image" in line


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        ("detect", "0 0.5 0.5 0.2 0.2", "crowd.txt, row 1 has 5 numbers: .*save_conf=True"),
        ("pose", f"0 0.5 0.5 0.2 0.2 {JOINTS}", "56 numbers: .*save_conf=True"),
        ("segment", "0 0.1 0.1 0.3 0.1 0.3 0.4", "7 numbers: .*save_conf=True"),
        ("detect", "0 0.5 0.5 0.2 0.2 0.9 4", "7 numbers: .*track id"),
        ("detect", "0 0.1 0.1 0.3 0.1 0.3 0.4 0.9", "8 numbers: 'detect' has 6: set the task"),
        ("segment", "0 0.5 0.5 0.2 0.2 0.9", "no row .* is its task 'detect'"),
        ("detect", "0 100 50 50 50 0.9", "row 1: 100 is no share of an image"),
        ("detect", "0 0.5 0.5 0.2 0.2 4", "the last number, 4, is no confidence"),
        ("detect", "person 0.5 0.5 0.2 0.2 0.9", "no row of numbers"),
        ("detect", "3 0.5 0.5 0.2 0.2 0.9", r"no detection of category 0, only of \[3\]"),
        (None, "0 0.5 0.5 0.2 0.2 0.9", "set task to one of"),
    ],
)
def test_rows_that_do_not_fit_say_what_to_do(detect, task, row, message):
    with pytest.raises(ValueError, match=message):
        detect(row, task=task)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (as_json(box={"x1": 1, "y1": 1, "x2": 400, "y2": 90}), r"reaches to \[400.0, 90.0\]"),
        (as_json(box={"x1": 0.1, "y1": 0.1, "x2": 0.5, "y2": 0.9}), "normalize=False"),
        (as_json(box=dict.fromkeys(["x1", "y1", "x2", "y2", "x3"], 9)), "oriented box"),
        (as_json(box={}), "no list that .*KeyError"),
        ("[", "no list that .*JSONDecodeError"),
    ],
)
def test_json_that_does_not_fit_says_what_to_do(detect, text, message):
    with pytest.raises(ValueError, match=message):
        detect(text, "crowd.json")


def test_folders_of_other_images_are_refused(tmp_path, ann_file, detect):
    with pytest.raises(ValueError, match=r"no file of .* first are other\.txt and 000012"):
        detect("0 0.5 0.5 0.25 0.5 0.75", "other.txt", task="detect")
    with pytest.raises(ValueError, match="give ann_file"):
        BoxFileDetector(tmp_path / "labels", task="detect")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="yolo's labels folder"):
        BoxFileDetector(tmp_path / "empty", ann_file=ann_file, task="detect")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([{"id": 8, "file_name": "crowd.png"}], "image 8 has no width and height"),
        (
            [{"id": 8, "file_name": "a/crowd.png"}, {"id": 9, "file_name": "b/crowd.png"}],
            "may be of a/crowd.png or b/crowd.png",
        ),
    ],
)
def test_annotations_must_tell_size_and_image(ann_file, detect, images, message):
    ann_file.write_text(json.dumps({"images": images, "annotations": []}))
    with pytest.raises(ValueError, match=message):
        detect("0 0.5 0.5 0.25 0.5 0.75", task="detect")


@pytest.mark.parametrize("image_id", [12, "000012", "12"])
def test_results_of_a_validation_have_names_for_ids(tmp_path, ann_file, image_id):
    """``yolo val save_json=True``: the stem of the file, as a number where it is one."""
    path = tmp_path / "predictions.json"
    entry = {"image_id": image_id, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.9}
    path.write_text(json.dumps([entry, {**entry, "image_id": "crowd", "bbox": [5, 6, 7, 8]}]))
    detector = BoxFileDetector(path, ann_file=ann_file)
    assert detector.people_of(7, (HEIGHT, WIDTH)).bboxes.tolist() == [[1, 2, 4, 6]]
    assert detector.people_of(8, (HEIGHT, WIDTH)).bboxes.tolist() == [[5, 6, 12, 14]]
    path.write_text(json.dumps([{**entry, "image_id": 99}]))
    with pytest.raises(ValueError, match="no image of the annotations: its first is 99"):
        BoxFileDetector(path, ann_file=ann_file)
    with pytest.raises(ValueError, match="task is of a folder"):
        BoxFileDetector(path, ann_file=ann_file, task="detect")


def test_an_id_that_may_be_another_images_name_needs_the_name(tmp_path, ann_file):
    """Newer versions write it; 0008.jpg became 8, which is the id of crowd.png."""
    images = json.loads(ann_file.read_text())["images"]
    ann_file.write_text(json.dumps({"images": [{**images[0], "file_name": "0008.jpg"}, images[1]]}))
    path = tmp_path / "predictions.json"
    entry = {"image_id": 8, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.9}
    path.write_text(json.dumps([entry]))
    with pytest.raises(ValueError, match=r"the id of crowd\.png and the name of 0008\.jpg"):
        BoxFileDetector(path, ann_file=ann_file)
    assert len(BoxFileDetector(path).people_of(8, (HEIGHT, WIDTH))) == 1
    path.write_text(json.dumps([{**entry, "file_name": "0008.jpg"}]))
    detector = BoxFileDetector(path, ann_file=ann_file)
    assert [len(detector.people_of(n, (HEIGHT, WIDTH))) for n in (7, 8)] == [1, 0]


def test_a_config_names_a_folder_and_its_content_counts(tmp_path, ann_file, detect):
    detect("0 0.5 0.5 0.25 0.5 0.75", task="detect")
    folder = str(tmp_path / "labels")
    cfg = {
        "type": "BoxFileDetector",
        "box_file": folder,
        "ann_file": str(ann_file),
        "task": "detect",
    }
    assert len(build_detector(cfg).people_of(8, (HEIGHT, WIDTH))) == 1
    before = part_key(cfg, "cpu")
    assert part_key(cfg, "cpu") == before
    (tmp_path / "labels/crowd.txt").write_text("0 0.5 0.5 0.25 0.5 0.5")
    assert part_key(cfg, "cpu") != before


def test_a_name_that_two_images_have_is_told_apart_by_its_folder_or_refused():
    files = {1: "a/1.jpg", 2: "b/1.jpg", 3: "7.jpg", 4: "0007.jpg"}
    images = [{"id": key, "file_name": name} for key, name in files.items()]
    named = [{"image_id": 7, "file_name": name} for name in ("b/1.jpg", "7.jpg", "0007.jpg")]
    assert [entry["image_id"] for entry in match_stems(named, images, "r")] == [2, 3, 4]
    texts = [{"image_id": stem} for stem in ("0007", "7")]
    assert [entry["image_id"] for entry in match_stems(texts, images, "r")] == [4, 3]
    for entry in (
        {"image_id": 0, "file_name": "1.jpg"},
        {"image_id": "1.jpg", "file_name": "c/1.jpg"},
    ):
        with pytest.raises(ValueError, match=r"may be of a/1.jpg or b/1.jpg of r; evaluate each"):
            match_stems([entry], images, "r")
    with pytest.raises(ValueError, match=r"7 may be of 7.jpg or 0007.jpg"):
        match_stems([{"image_id": 7}], images, "r")


@pytest.mark.parametrize("kind", ["nan", "inf", "-inf"])
def test_a_class_that_is_no_number_is_named(detect, kind):
    with pytest.raises(ValueError, match=r"crowd.txt, row 2 is no row of numbers"):
        detect(f"0 0.5 0.5 0.25 0.5 0.75\n{kind} 0.5 0.5 0.25 0.5 0.75", task="detect")
