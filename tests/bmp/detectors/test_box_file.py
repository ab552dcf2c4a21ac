import json

import numpy as np
import pytest

from bmp.detectors import BoxFileDetector, build_detector
from bmp.loop import LoopSettings
from bmp.loop.build import LoopParts
from bmp.loop.model import BBoxMaskPoseModel
from tests.bmp.loop_parts import APART, RectangleDetector, RectanglePose, RectangleSegmenter


def entry(bbox, score=0.9, image_id=7, category_id=1, **fields):
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": bbox,
        "score": score,
        **fields,
    }


@pytest.fixture
def write(tmp_path):
    def write(entries):
        path = tmp_path / "detections.json"
        path.write_text(json.dumps(entries))
        return path

    return write


def test_people_of_an_image_are_filtered_and_best_first(write):
    path = write(
        [
            entry([0, 0, 10, 10], 0.5),
            entry([50, 0, 20, 40], 0.8),
            entry([1, 0, 10, 10], 0.6),  # IoU 9 / 11 with the first, better
            entry([70, 70, 5, 5], 0.3),  # not above the threshold
            entry([70, 70, 5, 0], 0.9),  # no height
            entry([0, 60, 10, 10], category_id=2),
            entry([0, 60, 10, 10], image_id=8),
        ]
    )
    people = BoxFileDetector(path).people_of(7, (100, 100))
    assert people.bboxes.tolist() == [[50, 0, 70, 40], [1, 0, 11, 10]]
    assert people.bbox_scores.tolist() == pytest.approx([0.8, 0.6])
    assert "masks" not in people
    assert len(BoxFileDetector(path, max_people=1).people_of(7, (100, 100))) == 1
    assert len(BoxFileDetector(path, nms_iou_thr=1.0).people_of(7, (100, 100))) == 3
    assert len(BoxFileDetector(path).people_of(9, (100, 100))) == 0


@pytest.mark.parametrize(
    ("inclusive", "num_people"),
    # IoU 30 / 170, inclusively 11 * 4 of 2 * 121 - 44
    [pytest.param(False, 2, id="0.1765"), pytest.param(True, 1, id="0.2222")],
)
def test_the_published_suppression_counts_pixels_inclusively(write, inclusive, num_people):
    path = write([entry([0, 0, 10, 10]), entry([7, 0, 10, 10], 0.8)])
    detector = BoxFileDetector(path, nms_iou_thr=0.2, inclusive_nms=inclusive)
    assert len(detector.people_of(7, (20, 20))) == num_people


@pytest.mark.parametrize(("theirs", "asked"), [("1", 1), (1, "1"), (0, 0), ("3", 3)])
def test_the_category_of_people_may_be_text(write, theirs, asked):
    path = write([entry([0, 0, 9, 9], category_id=theirs), entry([0, 60, 9, 9], category_id=10)])
    assert len(BoxFileDetector(path, category_id=asked).people_of(7, (100, 100))) == 1


@pytest.mark.parametrize("side", [9, 30])
def test_masks_of_another_size_name_file_and_image(write, side):
    mask = {"size": [side, side], "counts": [side * side]}
    detector = BoxFileDetector(write([entry([0, 0, 9, 9], segmentation=mask)]))
    with pytest.raises(ValueError, match=rf"detections.json, image 7: .* \({side}, {side}\)"):
        detector.people_of(7, (20, 20))


def test_masks_come_where_all_have_one(write):
    square = [[0.0, 0, 4, 0, 4, 4, 0, 4]]
    boxes = [entry([0, 0, 4, 4], segmentation=square), entry([10, 10, 4, 4], image_id=8)]
    some = [entry([0, 0, 4, 4], segmentation=square), entry([10, 10, 4, 4])]
    for mixed in (some, some[::-1]):
        people = BoxFileDetector(write(mixed)).people_of(7, (20, 30))
        assert len(people.bboxes) == 2
        assert "masks" not in people
    detector = BoxFileDetector(write(boxes))
    masks = detector.people_of(7, (20, 30)).masks
    assert masks.shape == (1, 20, 30)
    assert masks[0, :4, :4].all()
    assert masks.sum() == 16
    assert "masks" not in detector.people_of(8, (20, 30))


def test_files_that_are_no_detections_are_refused(write, tmp_path):
    with pytest.raises(FileNotFoundError):
        BoxFileDetector(tmp_path / "none.json")
    with pytest.raises(ValueError, match="JSON list"):
        BoxFileDetector(write({"images": []}))
    with pytest.raises(ValueError, match="score"):
        BoxFileDetector(write([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}]))


@pytest.fixture
def run_model(monkeypatch):
    """The loop as a model, with parts for a world of rectangles."""

    def run(detector, num_iters):
        parts = LoopParts(
            detector, RectanglePose(), RectangleSegmenter(), LoopSettings(num_iters=num_iters)
        )
        monkeypatch.setattr("bmp.loop.model.build_parts", lambda *_: parts)
        model = BBoxMaskPoseModel({}, {}, {}, {}, device="cpu")
        return model(image=[APART, None], img_id=[7, 8], error=[None, "cut off"])

    return run


def test_people_are_of_the_named_category_and_images_are_matched_as_text(write):
    path = write([entry([0, 0, 10, 10], image_id="7", category_id=0)])
    with pytest.raises(ValueError, match=r"no detection of category 1, only of \[0\]"):
        BoxFileDetector(path)
    assert len(BoxFileDetector(path, category_id=0).people_of(7, (20, 20))) == 1


def test_a_box_that_is_not_four_numbers_is_named(write):
    with pytest.raises(ValueError, match=r"result 0, of image 7: bbox has 3 numbers"):
        BoxFileDetector(write([entry([1, 2, 3])]))


def test_the_loop_starts_from_the_file_and_goes_on_with_the_other_detector(write, run_model):
    path = write([entry([5, 5, 20, 45])])  # one of the two people of the image
    later = RectangleDetector()
    (first, second), empty = (
        sample["turns"] for sample in run_model(BoxFileDetector(path, later), 2)
    )
    assert first.bboxes.tolist() == [[5, 5, 25, 50]]
    assert second.bboxes.tolist() == [[5, 5, 25, 50], [60, 10, 90, 55]]
    assert empty == []
    assert (later.seen[0][0][5:50, 5:25] == 0).all()


def test_alone_the_file_serves_one_turn(write, run_model):
    path = write([entry([5, 5, 20, 45])])
    (turn,) = run_model(BoxFileDetector(path), 1)[0]["turns"]
    assert turn.bboxes.tolist() == [[5, 5, 25, 50]]
    with pytest.raises(ValueError, match=r"loop\.num_iters=1.*detector\.later"):
        run_model(BoxFileDetector(path), 2)
    with pytest.raises(ValueError, match="knows images by their id"):
        BoxFileDetector(path).detect([np.zeros((5, 5, 3), np.uint8)])


def test_a_config_names_file_and_later_detector(write):
    path = str(write([entry([5, 5, 20, 45])]))
    later = {"config": "rtmdet-ins_lite0_synthcrowd-320x320", "size": (64, 64)}
    detector = build_detector({"type": "BoxFileDetector", "box_file": path, "later": later})
    assert detector.later.canvas.size == (64, 64)
    with pytest.raises(ValueError, match="score_threshold"):
        build_detector({"type": "BoxFileDetector", "box_file": path, "score_threshold": 0.1})


def test_detections_by_the_ids_of_another_file_are_matched_by_name(write, tmp_path):
    """OCHuman's detections on OCHuman-Pose, whose image 1 is OCHuman's 817."""
    for name, ids in (("ochuman", (817, 3799)), ("ochuman-pose", (1, 2))):
        names = ("000817.jpg", "003799.jpg")
        images = [{"id": n, "file_name": f} for n, f in zip(ids, names, strict=True)]
        (tmp_path / f"{name}.json").write_text(json.dumps({"images": images}))
    path = write([entry([0, 0, 10, 10], image_id=817), entry([5, 5, 9, 9], image_id=4)])
    ids_file, ann_file = tmp_path / "ochuman.json", tmp_path / "ochuman-pose.json"
    detector = BoxFileDetector(path, ids_file=ids_file, ann_file=ann_file)
    assert detector.people_of(1, (20, 20)).bboxes.tolist() == [[0, 0, 10, 10]]
    assert [len(detector.people_of(n, (20, 20))) for n in (2, 817, 4)] == [0, 0, 0]
    with pytest.raises(ValueError, match="give ann_file too"):
        BoxFileDetector(path, ids_file=ids_file)
