"""An image that fails in a stage is named with it and does not take its batch along."""

import weakref

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
    TWO_IN_ONE_PLACE,
    AfraidOfTwo,
    RectangleDetector,
    RectangleSegmenter,
)


@pytest.fixture
def finder():
    parts = {"detector": RectangleDetector(), "segmenter": RectangleSegmenter()}
    return BBoxMaskPose("bmp_demo", "cpu", pose_model=AfraidOfTwo(), **parts)


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
