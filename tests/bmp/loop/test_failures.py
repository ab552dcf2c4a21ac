"""An image that fails in a stage is named with it and does not take its batch along."""

import logging
import weakref

import numpy as np
import pytest
import torch

from bmp.api import BBoxMaskPose
from bmp.loop import LoopSettings
from bmp.loop.build import PART_KEYS, LoopParts
from bmp.loop.failures import MOST_FAILURES, describe_failure, run_each, stage
from bmp.loop.model import BBoxMaskPoseModel
from tests.bmp.loop_parts import (
    APART,
    NOBODY,
    SIZE,
    TWO_IN_ONE_PLACE,
    AfraidOfTwo,
    RectangleDetector,
    RectangleSegmenter,
    rectangle_parts,
)


@pytest.fixture
def finder():
    return BBoxMaskPose("bmp_demo", "cpu", **rectangle_parts(pose_model=AfraidOfTwo()))


def test_one_image_fails_and_the_others_are_answered(finder):
    good, bad, empty = finder.predict([APART, TWO_IN_ONE_PLACE, NOBODY])
    assert (len(good), good.error) == (2, None)
    assert (len(bad), bad.error) == (0, "two at once (stage pose of turn 1)")
    assert (len(empty), empty.error) == (0, None)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_an_image_that_fails_alone_in_its_batch_takes_no_others_along(finder, batch_size):
    finder.batch_size = batch_size
    *good, bad = finder.predict([APART, NOBODY, TWO_IN_ONE_PLACE])
    assert [result.error for result in good] == [None, None]
    assert bad.error == "two at once (stage pose of turn 1)"


def shows_two(image, *_):
    """Whether it is two in one place, as an image or as the levels that are embedded."""
    return np.array_equal(np.asarray(image).reshape(*SIZE, -1)[..., 0], TWO_IN_ONE_PLACE[..., 0])


def hides_the_front(image):
    return bool((image == 0).any() and (image == 10).any())


def has_both(image, people):
    return shows_two(image) and len(people) == 2


STAGES = {  # by which part and method, and where it fails
    "embed": ("segmenter", "embed", shows_two),
    "detect of turn 1": ("detector", "detect", shows_two),
    "detect of turn 2": ("detector", "detect", hides_the_front),
    "pose of turn 1": ("pose_model", "estimate", shows_two),
    "segment of turn 1": ("segmenter", "segment", shows_two),
    "final pose": ("pose_model", "estimate", has_both),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("bboxes", [None, [[[5, 5, 25, 50]], None, None]])
def test_every_stage_is_named_and_fails_for_its_image_alone(monkeypatch, stage, bboxes):
    parts = rectangle_parts()
    part, method, fails = STAGES[stage]
    works = getattr(parts[part], method)

    def limited(*lists):
        if any(fails(*entries) for entries in zip(*lists, strict=True)):
            raise RuntimeError("too dark")
        return works(*lists)

    monkeypatch.setattr(parts[part], method, limited)
    finder = BBoxMaskPose("bmp_demo", "cpu", cfg_options={"loop.final_pose": True}, **parts)
    good, bad, empty = finder.predict([APART, TWO_IN_ONE_PLACE, NOBODY], bboxes=bboxes)
    assert bad.error == f"too dark (stage {stage})"
    assert (len(good), len(bad), len(empty)) == (2, 0, 0)


def test_an_answer_that_lacks_a_field_is_of_the_pose_stage(monkeypatch, finder):
    monkeypatch.setattr(finder.parts.pose_model, "estimate", lambda images, people: people)
    with pytest.raises(AttributeError, match="keypoint") as caught:
        finder.predict(APART)
    assert caught.value.__notes__ == ["stage pose of turn 1"]


@pytest.fixture
def evaluated(monkeypatch):
    """The model of ``tools/test.py``, of rectangles."""
    parts = LoopParts(RectangleDetector(), AfraidOfTwo(), RectangleSegmenter(), LoopSettings())
    monkeypatch.setattr("bmp.loop.model.build_parts", lambda config, device: parts)
    return BBoxMaskPoseModel(**{part: {} for part in PART_KEYS}, device="cpu")


def test_an_image_that_fails_in_a_batch_of_one_does_not_end_an_evaluation(evaluated):
    (bad,) = evaluated([TWO_IN_ONE_PLACE], [7], [None])
    assert bad["error"] == "image 7: two at once (stage pose of turn 1)"
    assert bad["turns"] == []
    (good,) = evaluated([APART], [8], [None])
    assert [len(people) for people in good["turns"]] == [2, 2]


def test_an_evaluation_in_which_image_after_image_fails_ends(evaluated):
    for _ in range(MOST_FAILURES - 1):
        evaluated([TWO_IN_ONE_PLACE], [7], [None])
    with pytest.raises(RuntimeError, match="two at once"):
        evaluated([TWO_IN_ONE_PLACE], [7], [None])


def test_a_single_image_raises(finder):
    with pytest.raises(RuntimeError, match="two at once"):
        finder.predict(TWO_IN_ONE_PLACE)


def test_where_all_fail_no_image_is_to_blame(finder):
    with pytest.raises(RuntimeError, match="two at once"):
        finder.predict([TWO_IN_ONE_PLACE] * 2)


def test_errors_are_named_by_their_stage():
    with pytest.raises(ValueError, match="too dark") as caught, stage("embed"):
        raise ValueError("too dark\nlook again")
    assert describe_failure(caught.value) == "too dark (stage embed)"
    assert describe_failure(KeyError()) == "KeyError"


def test_nobody_runs_nothing():
    assert run_each(lambda chosen: pytest.fail("ran"), 0) == []


def test_a_batch_that_is_too_large_is_told_once(caplog):
    def run(chosen):
        if len(chosen) > 1:
            raise torch.OutOfMemoryError("no room for so many as these")
        return chosen

    with caplog.at_level(logging.WARNING, "bmp.loop.failures"):
        assert run_each(run, 3) == run_each(run, 3) == [0, 1, 2]
    (told,) = caplog.messages
    assert told.startswith("3 images together failed, each alone did not")
    assert told.endswith("saves that: no room for so many as these")


def test_a_failed_image_leaves_its_memory_to_the_others():
    tensors = []

    def run(chosen):
        memory = torch.zeros(3)
        tensors.append(weakref.ref(memory))
        if 1 in chosen:
            raise torch.OutOfMemoryError("no room")
        return chosen

    first, second = run_each(run, 2)
    assert first == 0
    assert isinstance(second, torch.OutOfMemoryError)
    assert [tensor() for tensor in tensors] == [None] * 3
