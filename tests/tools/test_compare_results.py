"""The tool on worlds small enough to work out its numbers, and what it refuses."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from mmpose.structures import mask_to_rle

TOOL = Path(__file__).parents[2] / "tools" / "compare_results.py"
HALF = 51 / 101  # recall 0.5, nothing wrong


def person(image_id, number=1, left=0):
    """Somebody 20 px wide, with a mask and 17 joints."""
    mask = np.zeros((50, 100), bool)
    mask[:20, left : left + 20] = True
    fields = {"id": number, "image_id": image_id, "category_id": 1, "area": 400.0, "iscrowd": 0}
    fields |= {"segmentation": mask_to_rle(mask), "bbox": [left, 0, 20, 20]}
    return fields | {"keypoints": [left + 5.0, 5.0, 2] * 17, "num_keypoints": 17}


def result(of, *kinds):
    fields = kinds or ("bbox", "segmentation", "keypoints")
    fields = ("image_id", "category_id", *fields)
    return {**{field: of[field] for field in fields}, "score": 0.9}


PEOPLE = [person(n, n) for n in (1, 2)]


@pytest.fixture
def compare(tmp_path, monkeypatch):
    """Runs the tool on the given results and gives the numbers that it writes."""

    def run(first, second, *options, people=PEOPLE):
        images = [{"id": n, "width": 100, "height": 50} for n in (1, 2)]
        content = {"images": images, "annotations": people}
        content["categories"] = [{"id": 1, "name": "person"}]
        names = []
        for name, value in (("first", first), ("second", second), ("truth", content)):
            names.append(str(tmp_path / f"{name}.json"))
            Path(names[-1]).write_text(json.dumps(value))
        out = tmp_path / "numbers.json"
        arguments = [str(TOOL), *names, "--out", str(out), *options]
        monkeypatch.setattr(sys, "argv", arguments)
        runpy.run_path(str(TOOL), run_name="__main__")
        return json.loads(out.read_text())

    return run


def test_a_file_is_no_better_than_itself(compare, capsys):
    results = [result(PEOPLE[0])]
    found = compare(results, results)
    assert list(found) == ["bbox", "segm", "keypoints"]
    for numbers in found.values():
        assert numbers["first"] == numbers["second"] == pytest.approx(HALF)
        assert [numbers[f"difference{end}"] for end in ("", "_low", "_high")] == [0, 0, 0]
        assert numbers["probability"] == 0.5
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 images; 1 results in 1 and 1 results in 1 of them"
    assert lines[2].split() == ["bbox", "50.50", "50.50", "+0.00", "[+0.00,", "+0.00]", "0.500"]


def test_one_image_better(compare):
    """The second finds image 2 too, which a quarter of the draws lack: ties, which count half."""
    first, second = [result(PEOPLE[0])], [result(p) for p in PEOPLE]
    numbers = compare(first, second, "--iou-type", "segm")["segm"]
    assert numbers["difference"] == pytest.approx(1 - HALF)
    assert (numbers["difference_low"], numbers["difference_high"]) == (0, 1)
    assert numbers["probability"] == pytest.approx(0.875, abs=0.03)
    back = compare(second, first, "--iou-type", "segm")["segm"]
    assert back["difference"] == -numbers["difference"]
    assert back["probability"] == pytest.approx(1 - numbers["probability"])


def test_what_both_files_hold_is_compared(compare):
    boxes = [result(PEOPLE[0], "bbox")]
    assert list(compare(boxes, [result(PEOPLE[0])])) == ["bbox"]
    assert list(compare(boxes, boxes, "--iou-type", "bbox")) == ["bbox"]


def test_what_nobody_is_annotated_with_is_left_out_and_said(compare, capsys):
    """CrowdPose and OCHuman-Pose have no masks; results of the loop do."""
    people = [{k: v for k, v in p.items() if k != "segmentation"} for p in PEOPLE]
    results = [result(PEOPLE[0])]
    assert list(compare(results, results, people=people)) == ["bbox", "keypoints"]
    told = "not compared, because nobody is annotated with it: segm"
    assert told in capsys.readouterr().out.splitlines()
    assert list(compare([], [], people=people)) == ["bbox", "keypoints"]
    with pytest.raises(SystemExit, match="nobody to evaluate by 'segm'"):
        compare(results, results, "--iou-type", "segm", people=people)


def test_nobody_found_is_a_result(compare):
    numbers = compare([], [result(PEOPLE[0], "bbox")])["bbox"]
    assert (numbers["first"], numbers["difference"]) == (0, pytest.approx(HALF))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        pytest.param(
            [result(PEOPLE[0])],
            [result(person(3))],
            "the second results name 1 of 1 images that are not in the annotations, such as 3",
            id="images that nobody knows",
        ),
        pytest.param(
            [result(PEOPLE[0])],
            [result(PEOPLE[1])],
            "of 1 images, the second of 1, and only 0 of these are common",
            id="other images of the annotations",
        ),
        pytest.param(
            [result(PEOPLE[0], "bbox")],
            [result(PEOPLE[0], "keypoints")],
            r"the first results hold \['bbox'\], the second \['keypoints'\]",
            id="nothing in common",
        ),
        pytest.param(
            [result(PEOPLE[0], "bbox")],
            [result(PEOPLE[0], "bbox") | {"bbox": [0, 0, float("nan"), 1]}],
            "the second results: the results: result 0, of image 1: bbox must be finite",
            id="broken",
        ),
    ],
)
def test_files_that_do_not_belong_together_are_refused(first, second, message, compare, capsys):
    with pytest.raises(SystemExit, match=message):
        compare(first, second)
