"""Recommendations: each number from its rule, worked out by hand."""

import math

import numpy as np
import pytest
from mmengine.config import Config

from bmp.training_advice import (
    GB,
    Advice,
    advise,
    base_batch,
    cache_bytes,
    choose_batch,
    choose_epochs,
    choose_family,
    format_advice,
    power_of_two,
)
from mmpose.analysis.people_statistics import PeopleStatistics, people_statistics
from mmpose.datasets.file_check import FileCheck, check_file
from mmpose.engine.training_memory import TrainingMemory
from tests.mmpose.datasets.tiny_people import write_people


def statistics(*, overlap=(0.0,), masks=1.0, flags=(0, 10, 90, 0), pixels=1e6):
    overlap = np.array(overlap)
    return PeopleStatistics(
        num_images=1,
        per_image=np.array([len(overlap)]),
        heights=np.full(len(overlap), 100.0),
        areas=np.full(len(overlap), 5000.0),
        image_pixels=np.array([pixels]),
        box_overlap=overlap,
        mask_overlap=np.zeros(round(masks * len(overlap))),
        crowd_index=np.zeros(1),
        visibility=np.array([flags]),
    )


def check(**content):
    return FileCheck("a.json", None, "coco.py", ["joint"] * 17, [], content or None, {}, {})


CROWDED = (0.1, 0.5, 0.0, 0.0)  # half of the people have a neighbour


@pytest.mark.parametrize(
    ("counted", "family", "word"),
    [
        (statistics(overlap=CROWDED), "MaskPose", "50% of the people"),
        (statistics(overlap=CROWDED, masks=0.25), "ViTPose", "With masks MaskPose"),
        (statistics(overlap=(0.09, 0.05)), "ViTPose", "plain crops"),
        (statistics(flags=(0, 49, 50, 1)), "ProbPose", "1.0% of the labelled joints"),
        (statistics(flags=(100, 0, 0, 0)), "ViTPose", "plain crops"),
        (statistics(overlap=()), "ViTPose", "0% have a mask"),
    ],
)
def test_the_family_follows_from_overlap_masks_and_joints_outside(counted, family, word):
    reasons = []
    assert choose_family(check(), counted, reasons) == family
    assert len(reasons) == 1
    assert word in reasons[0]


MEMORY = TrainingMemory(num_parameters=0, num_trained=0, fixed=0.0, per_person=1e8)


@pytest.mark.parametrize(
    ("people", "memory", "batch", "word"),
    [
        (10**6, 24.0, 128, "memory hold 201"),  # 23.2 / 1.15 / 0.1
        (10**6, 1000.0, 512, "the published schedule"),
        (1000, 24.0, 32, "20 steps"),  # 1000 / 20 = 50
        (100, 24.0, 16, "20 steps"),
        (9, 24.0, 8, "9 people"),
    ],
)
def test_the_batch_is_a_power_of_two_within_all_limits(people, memory, batch, word):
    reasons = []
    assert choose_batch(MEMORY, people, memory * GB, 512, reasons) == batch
    assert word in reasons[0]


@pytest.mark.parametrize(
    ("people", "epochs"),
    [(5, 1000), (500, 256), (1000, 210), (149_813, 210), (299_626, 105), (31_460_731, 1)],
)
def test_epochs(people, epochs):
    assert choose_epochs(people, []) == epochs


def test_numbers_of_a_config():
    scaled = Config(dict(auto_scale_lr=dict(base_batch_size=512)))
    plain = Config(dict(train_dataloader=dict(batch_size=64)))
    assert (base_batch(scaled), base_batch(plain)) == (512, 64)
    assert [power_of_two(n) for n in (0.5, 1, 3, 64, 65.5)] == [0, 1, 2, 64, 64]


def test_bytes_of_a_crop_cache():
    images = [{"id": 1, "width": 1000, "height": 100}, {"id": 2, "width": None, "height": None}]
    person = {"image_id": 1, "bbox": [0, 0, 30, 50], "iscrowd": 0, "num_keypoints": 1}
    crowd = {**person, "iscrowd": 1}
    unlabelled = {**person, "num_keypoints": 0}
    wide = {**person, "bbox": [0, 0, 75, 10]}  # as high as 100
    people = [person, crowd, unlabelled, wide]
    found = cache_bytes(check(images=images, annotations=people))
    assert found == pytest.approx(3 * 100 * (2.6 * 50) + 3 * 100 * (2.6 * 100))
    people = [{**person, "image_id": 2}]
    assert cache_bytes(check(images=images, annotations=people)) is None
    assert cache_bytes(check(images=[], annotations=[])) == 0


def test_nobody_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nobody with a labelled joint"):
        advise(check(images=[], annotations=[]), statistics(overlap=()), 24 * GB)


@pytest.mark.slow
def test_a_whole_recommendation(tmp_path):
    write_people(tmp_path)
    found = check_file(tmp_path / "annotations.json")
    advice = advise(found, people_statistics(found.content), 24 * GB)
    # ten people apart from each other
    assert advice.config == "vitpose/td-hm_ViTPose-small_8xb64-210e_coco-256x192.py"
    assert (advice.batch, advice.epochs, advice.steps) == (8, 1000, 2000)
    assert advice.learning_rate == pytest.approx(5e-4 * math.sqrt(8 / 512))
    assert any("in proportion to it would be 7.8e-06" in reason for reason in advice.reasons)
    assert not advice.wants_cache
    with pytest.raises(ValueError, match="do not hold 16 people"):
        advise(found, people_statistics(found.content), 1.5 * GB)


def test_the_text_tells_the_commands():
    numbers = {"batch": 64, "batch_float32": 32, "learning_rate": 1.77e-4}
    numbers |= {"epochs": 210, "steps": 4200, "cache_bytes": 1e9}
    told = format_advice(Advice("a/b.py", **numbers, wants_cache=True, reasons=["Why."]), None)
    assert "0.000177 (AdamW)" in told
    assert "64 with --amp (32 fit without)" in told
    assert "tools/datasets/crop_cache.py" in told
    assert "crop_cache=FOLDER" in told.splitlines()[-1]
    told = format_advice(Advice("a/b.py", **numbers, wants_cache=False), "mine.py")
    assert told.splitlines()[-1] == "python tools/train.py mine.py --amp"
