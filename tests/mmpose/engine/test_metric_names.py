"""What a training is judged by is there, before the training."""

import json

import pytest
from mmengine.evaluator import BaseMetric, Evaluator

from bmp.detector_training.detection_metric import DetectionMetric
from mmpose.engine.metric_names import check_judged_by, expected_numbers
from mmpose.evaluation import CocoMetric, MpiiPCKAccuracy, PCKAccuracy
from tests.mmpose.datasets.tiny_people import write_people
from tests.training.tiny_faults import validated_config
from tests.training.tiny_training import train


class SilentMetric(BaseMetric):
    """Of another library: it tells its names after its results alone."""

    def process(self, data_batch, data_samples):
        pass

    def compute_metrics(self, results):
        return {}


@pytest.fixture
def ann_file(tmp_path):
    """People of 40 x 60 px: of medium size, none is large."""
    content = write_people(tmp_path, num_images=2)
    for person in content["annotations"]:
        person["area"] = 40 * 60
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    return str(tmp_path / "annotations.json")


def evaluator_of(*metrics):
    evaluator = Evaluator(list(metrics))
    evaluator.dataset_meta = {
        "num_keypoints": 17,
        "sigmas": [0.05] * 17,
        "dataset_name": "tiny",
        "classes": ("person",),
    }
    return evaluator


def check(evaluator, name):
    check_judged_by(evaluator, [(name, "save_best")])


def test_names_that_there_will_be_are_accepted(ann_file):
    poses = CocoMetric(ann_file, prefix="COCO", extended=[False, True])
    evaluator = evaluator_of(poses, PCKAccuracy(), MpiiPCKAccuracy(prefix="mpii"))
    for name in ("COCO/AP", "COCO/AP .5", "COCO/Ex_AP", "PCK", "mpii/Head PCK", "mpii/PCK@0.1"):
        check(evaluator, name)


def test_names_of_boxes_and_masks(ann_file):
    numbers, silent = expected_numbers(evaluator_of(DetectionMetric(ann_file, metric="bbox")))
    assert not silent
    assert {"coco/bbox_mAP", "coco/bbox_mAP_50", "coco/bbox_mAP_low"} <= numbers.keys()
    assert numbers["coco/bbox_mAP_l"] == -1


@pytest.mark.parametrize(
    ("name", "hint"),
    [("coco/AP", "COCO/AP"), ("COCO/ap .5", "COCO/AP .5"), ("COCO/PCKh", None), ("AP", None)],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(ann_file, name, hint):
    evaluator = evaluator_of(CocoMetric(ann_file, prefix="COCO"))
    with pytest.raises(ValueError, match=f"save_best='{name}' is none of .*COCO/AP") as caught:
        check(evaluator, name)
    assert hint is None or f"did you mean {hint!r}?" in str(caught.value)


def test_a_number_without_people_is_told(ann_file):
    with pytest.raises(ValueError, match=r"'coco/AP \(L\)' will be -1 whatever the model does"):
        check(evaluator_of(CocoMetric(ann_file)), "coco/AP (L)")


def test_metrics_of_others_are_believed_under_their_prefix(ann_file):
    evaluator = evaluator_of(CocoMetric(ann_file), SilentMetric(prefix="other"))
    check(evaluator, "other/anything")
    with pytest.raises(ValueError, match=r"none of .*other/\.\.\."):
        check(evaluator, "another/thing")


@pytest.mark.parametrize("setting", ["save_best", "monitor"])
def test_a_training_does_not_begin(tmp_path, setting):
    config = validated_config(tmp_path)
    if setting == "save_best":
        config.default_hooks.checkpoint.save_best = "tinny/score"
    else:
        stopping = {"type": "EarlyStoppingHook", "rule": "greater", "monitor": "tinny/score"}
        config.custom_hooks.append(stopping)
    with pytest.raises(ValueError, match=rf"{setting}='tinny/score' is none of .*tiny/\.\.\."):
        train(config)
    assert not (tmp_path / "steps.rank0.jsonl").exists()
