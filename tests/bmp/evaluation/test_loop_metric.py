"""The loop's metric, on rectangles whose average precision is known."""

import json

import pytest
import torch
from mmengine.logging import MMLogger

from bmp.evaluation import LoopCocoMetric
from bmp.evaluation.loop_metric import format_table
from bmp.loop import run_loop
from tests.bmp.evaluation.rectangles import dataset_of, samples_of
from tests.bmp.loop_parts import NOBODY, RectangleDetector, RectanglePose, RectangleSegmenter


def test_each_turn_finds_what_it_should(folder):
    dataset = dataset_of(folder, max_images=3)
    metric = LoopCocoMetric(str(folder / "annotations.json"))
    metric.process(None, list(samples_of(dataset)))
    numbers = metric.evaluate(size=3)
    assert [numbers[f"loop/turn{turn}/num_people"] for turn in (1, 2)] == [3, 4]
    for kind in ("bbox", "segm", "keypoints"):
        # three of four people, all right: recall 0.75, so 76 of COCO's 101 recalls have precision 1
        assert numbers[f"loop/turn1/{kind}_AP"] == pytest.approx(76 / 101)
        assert numbers[f"loop/turn2/{kind}_AP"] == pytest.approx(1)
        assert [numbers[f"loop/turn{turn}/{kind}_found"] for turn in (1, 2)] == [3, 4]
        assert numbers[f"loop/{kind}_true"] == 4
    assert numbers["loop/num_failed"] == 0


def test_people_of_an_unreadable_image_count_as_missed(folder):
    metric = LoopCocoMetric(str(folder / "annotations.json"))
    metric.process(None, list(samples_of(dataset_of(folder))))
    numbers = metric.evaluate(size=4)
    assert numbers["loop/bbox_true"] == 6
    assert numbers["loop/turn2/bbox_found"] == 4
    assert numbers["loop/num_failed"] == 1
    assert numbers["loop/turn2/bbox_AP"] == pytest.approx(67 / 101)  # recalls up to 4 / 6
    # some of the draws hold only readable images, where everybody is found
    assert numbers["loop/turn2/bbox_AP_low"] < 67 / 101 < numbers["loop/turn2/bbox_AP_high"] == 1


def test_images_repeated_by_the_sampler_count_once(folder):
    metric = LoopCocoMetric(str(folder / "annotations.json"))
    samples = list(samples_of(dataset_of(folder, max_images=3)))
    metric.process(None, [*samples, samples[0]])
    numbers = metric.evaluate(size=4)
    assert numbers["loop/num_images"] == 3
    assert numbers["loop/turn2/bbox_AP"] == pytest.approx(1)


def test_nobody_found_is_zero_and_said(folder, caplog):
    metric = LoopCocoMetric(str(folder / "annotations.json"))
    empty = run_loop([NOBODY], RectangleDetector(), RectanglePose(), RectangleSegmenter())
    metric.process(None, [{"img_id": 2, "turns": empty[0].turns, "error": None}])
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    numbers = metric.evaluate(size=1)
    logger.removeHandler(caplog.handler)
    assert "nobody was found in any of 1 images" in caplog.text
    assert numbers["loop/turn2/bbox_AP"] == 0
    assert numbers["loop/turn2/num_people"] == 0


def test_result_files_are_cocos(folder, tmp_path):
    from pycocotools.coco import COCO

    metric = LoopCocoMetric(
        str(folder / "annotations.json"), outfile_prefix=str(tmp_path / "out" / "loop")
    )
    metric.process(None, list(samples_of(dataset_of(folder))))
    metric.evaluate(size=4)
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == [
        f"loop.turn{t}.{k}.json" for t in (1, 2) for k in ("bbox", "keypoints", "segm")
    ]
    annotations = COCO(str(folder / "annotations.json"))
    for name in files:
        assert len(annotations.loadRes(str(tmp_path / "out" / name)).anns) in (3, 4)


def test_a_pose_that_is_no_number_is_refused_after_the_results_are_written(folder, tmp_path):
    metric = LoopCocoMetric(str(folder / "annotations.json"), outfile_prefix=str(tmp_path / "run"))
    samples = list(samples_of(dataset_of(folder, max_images=3)))
    samples[1]["turns"][0].keypoints[0, 3] = float("nan")
    metric.process(None, samples)
    with pytest.raises(ValueError, match=r"of image 2: keypoints must be finite.*got nan"):
        metric.evaluate(size=3)
    assert len(json.loads((tmp_path / "run.turn1.keypoints.json").read_text())) == 3


def test_found_people_are_counted_by_the_first_kind_alone(folder):
    """One person's mask is wrong: three of four are found by masks, four by boxes."""
    for kinds, found in ((("keypoints",), 4), (("segm", "bbox"), 3), (("bbox", "segm"), 4)):
        metric = LoopCocoMetric(str(folder / "annotations.json"), iou_types=kinds)
        samples = list(samples_of(dataset_of(folder, max_images=3)))
        for sample in samples:
            for turn in sample["turns"]:
                if sample["img_id"] == 2:
                    turn.masks[0] = False
        metric.process(None, samples)
        numbers = metric.evaluate(size=3)
        assert numbers[f"loop/turn2/{kinds[0]}_found"] == found
        table = format_table({k.removeprefix("loop/"): v for k, v in numbers.items()}, kinds)
        lines = table.splitlines()[:3]
        assert lines[2].split()[-2:] == [str(found), "4"]
        assert len({len(line) for line in lines}) == 1


def test_who_is_ranked_first_is_a_setting(folder):
    """A stranger before or behind the right people, by one score or the other."""
    aps = []
    for ranked_by in ({}, {"bbox": "scores"}):
        metric = LoopCocoMetric(
            str(folder / "annotations.json"), iou_types=["bbox"], ranked_by=ranked_by
        )
        samples = list(samples_of(dataset_of(folder, max_images=3)))
        people = samples[1]["turns"][0]
        people.bboxes[0] = torch.tensor([0.0, 0.0, 3.0, 3.0])
        people.bbox_scores[0], people.scores[0] = 0.99, 0.01
        people.bbox_scores[1], people.scores[1] = 0.5, 0.9
        metric.process(None, samples[1:2])
        aps.append(metric.evaluate(size=1)["loop/turn1/bbox_AP"])
    # recall 1 of 2, precision 1/2 behind the stranger and 1 before
    assert aps == pytest.approx([51 / 101 / 2, 51 / 101])
