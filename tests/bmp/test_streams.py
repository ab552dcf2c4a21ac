"""Frames one after the other: order, bad ones, threads that end."""

import threading
import time
from itertools import count, islice

import cv2
import numpy as np
import pytest
import torch

from bmp.api import BBoxMaskPose
from bmp.loop.failures import MOST_FAILURES, describe_failure
from bmp.streams import AHEAD, THREAD_NAME, _read, read_ahead
from tests.bmp.loop_parts import (
    APART,
    NOBODY,
    TWO_IN_ONE_PLACE,
    AfraidOfTwo,
    RectangleDetector,
    rectangle_parts,
)


def make_loop(**parts):
    return BBoxMaskPose("bmp_demo", "cpu", **rectangle_parts(**parts))


@pytest.fixture
def loop():
    return make_loop()


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert readers() == []


def readers():
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


@pytest.mark.parametrize("batch_size", [None, 1, 2, 7])
def test_results_are_those_of_predict_in_order(loop, batch_size):
    frames = [TWO_IN_ONE_PLACE, NOBODY, APART, APART, NOBODY]
    results = list(loop.stream(iter(frames), batch_size=batch_size))
    assert [len(result) for result in results] == [2, 0, 2, 2, 0]
    assert [result.error for result in results] == [None] * 5
    for result, expected in zip(results, loop.predict(frames), strict=True):
        np.testing.assert_array_equal(result.masks, expected.masks)
        np.testing.assert_array_equal(result.keypoints, expected.keypoints)


def test_nothing_comes_of_nothing(loop):
    assert list(loop.stream([])) == []


def test_batches_are_as_large_as_asked():
    detector = RectangleDetector()
    list(make_loop(detector=detector).stream([NOBODY] * 5, batch_size=2))
    assert [len(images) for images in detector.seen] == [2, 2, 1]


def test_bad_frames_are_results_with_an_error(loop, tmp_path):
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), APART)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    grey = APART[..., 0]
    frames = [path, broken, None, grey, tmp_path / "missing.png", TWO_IN_ONE_PLACE]
    results = list(loop.stream(frames, batch_size=4))
    assert [len(result) for result in results] == [2, 0, 0, 0, 0, 2]
    for result, message in zip(
        results[1:5], ("broken.png", "got NoneType", "COLOR_GRAY2BGR", "missing.png"), strict=True
    ):
        assert message in result.error
        assert result.bboxes.shape == (0, 4)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_frame_that_fails_in_a_stage_is_a_result_with_an_error(batch_size):
    loop = make_loop(pose_model=AfraidOfTwo())
    frames = [TWO_IN_ONE_PLACE, APART, NOBODY, TWO_IN_ONE_PLACE]
    results = list(loop.stream(frames, batch_size=batch_size))
    failed = "two at once (stage pose of turn 1)"
    assert [result.error for result in results] == [failed, None, None, failed]
    assert len(results[1]) == 2


def test_a_loop_in_which_every_frame_fails_raises():
    results = make_loop(pose_model=AfraidOfTwo()).stream([TWO_IN_ONE_PLACE] * 40, batch_size=3)
    assert all(result.error for result in islice(results, MOST_FAILURES - 1))
    with pytest.raises(RuntimeError, match="two at once") as caught:
        next(results)
    assert describe_failure(caught.value) == "two at once (stage pose of turn 1)"


def test_a_gpu_without_room_for_a_frame_ahead_does_not_end_the_stream(monkeypatch):
    def full(side):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(torch.cuda, "stream", full)
    assert _read(APART, side="of a GPU").wait() is APART  # the loop sends it when it is its turn


def test_frames_on_request(loop, tmp_path):
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), APART)
    pairs = list(loop.stream([path, tmp_path / "missing.png"], return_frames=True))
    np.testing.assert_array_equal(pairs[0][0], APART)
    assert pairs[1][0] is None
    assert [len(result) for _, result in pairs] == [2, 0]


def test_mistakes_of_the_call_are_told_at_once(loop):
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        loop.stream([APART], batch_size=0)
    with pytest.raises(ValueError, match=r"batch_size must be at least 1, got 2\.5"):
        loop.stream([APART], batch_size=2.5)
    with pytest.raises(TypeError, match=r"got the path 'film\.mp4': \[frame\] streams one image"):
        loop.stream("film.mp4")
    with pytest.raises(TypeError, match="got one array"):
        loop.stream(APART)
    with pytest.raises(ValueError, match="gives no heatmaps"):
        loop.stream([APART], return_probmaps=True)


def test_intermediates_on_request(loop):
    (result,) = loop.stream([TWO_IN_ONE_PLACE], return_intermediates=True)
    assert [turn.iteration for turn in result.intermediates] == [0, 1]


def test_a_caller_who_stops_ends_the_thread(loop):
    taken = []

    def camera():
        for number in count():
            taken.append(number)
            yield APART

    results = loop.stream(camera(), batch_size=2)
    assert readers() == []  # nothing starts before the first result is asked for
    assert [len(result) for result in islice(results, 3)] == [2, 2, 2]
    assert len(readers()) == 1
    results.close()
    assert readers() == []
    # two batches were answered; so many wait, and one more may be in the thread's hands
    assert len(taken) <= 2 * (2 + AHEAD + 2)


def test_an_exception_of_the_caller_ends_the_thread(loop):
    def use():
        for _ in loop.stream(APART for _ in count()):
            raise KeyError

    with pytest.raises(KeyError):
        use()
    # the error's traceback held the generator until here; the fixture looks for its thread


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_an_exception_of_the_source_comes_after_the_frames_before_it(loop, batch_size):
    def camera():
        yield APART
        yield NOBODY
        raise OSError("cable")

    results = loop.stream(camera(), batch_size=batch_size)
    assert [len(next(results)), len(next(results))] == [2, 0]
    with pytest.raises(OSError, match="cable"):
        next(results)


def test_reading_goes_on_while_the_caller_works_and_is_bounded():
    taken, full = [], threading.Event()

    def source():
        for number in range(20):
            taken.append(number)
            if len(taken) == 1 + AHEAD + 1:
                full.set()
            yield number

    items = read_ahead(source())
    assert next(items) == 0
    assert full.wait(10)  # without another item being asked for
    time.sleep(0.05)  # no more comes, however long the caller works
    assert len(taken) == 1 + AHEAD + 1
    assert list(items) == list(range(1, 20))
