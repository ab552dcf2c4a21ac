"""An image that fails in a stage is named with it and does not take its batch along."""

import weakref

import pytest
import torch

from bmp.api import BBoxMaskPose
from bmp.loop.failures import describe_failure, run_apart, stage
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
    assert run_apart(lambda chosen: pytest.fail("ran"), 0) == []


def test_a_failed_image_leaves_its_memory_to_the_others():
    tensors = []

    def run(chosen):
        memory = torch.zeros(3)
        tensors.append(weakref.ref(memory))
        if 1 in chosen:
            raise torch.OutOfMemoryError("no room")
        return chosen

    first, second = run_apart(run, 2)
    assert first == 0
    assert isinstance(second, torch.OutOfMemoryError)
    assert [tensor() for tensor in tensors] == [None] * 3
