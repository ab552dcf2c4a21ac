"""The loop on a video of moving squares, with a stand-in that finds the square."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from bmp.commands.predict import _run_videos
from bmp.loop import LoopResult
from bmp.prediction.videos import Identities, VideoOptions, open_video, run_video
from bmp.results import make_result
from bmp.structures import with_fields
from tests.bmp.prediction.photo_parts import find_nobody, person_in_the_middle

FRAMES, SIDE = 9, 96


@pytest.fixture
def film(tmp_path):
    """A bright square of 20 px that moves 5 px a frame."""
    path = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 12, (SIDE, SIDE))
    for n in range(FRAMES):
        frame = np.full((SIDE, SIDE, 3), 30, np.uint8)
        frame[40:60, 10 + 5 * n : 30 + 5 * n] = 220
        writer.write(frame)
    writer.release()
    return path


def find_square(images):
    results = []
    for image in images:
        rows, columns = np.nonzero(image[..., 0] > 120)
        people = person_in_the_middle(*image.shape[:2])
        box = torch.tensor([[columns.min(), rows.min(), columns.max(), rows.max()]]).float()
        people = with_fields(people, bboxes=box)
        found = LoopResult(people, [people], [])
        results.append(make_result(found, intermediates=False, heatmap_shape=None))
    return results


def test_every_frame_is_drawn_and_its_people_are_listed(film, tmp_path):
    video, results = run_video(film, find_square, tmp_path / "out", tell=lambda _: None)
    info, frames = open_video(video)
    assert (round(info.rate), len(list(frames))) == (12, FRAMES)
    entries = json.loads(results.read_text())
    assert [entry["image_id"] for entry in entries] == list(range(FRAMES))
    # left edge of the square, a pixel or two of blur by the codec
    assert entries[4]["bbox"][0] == pytest.approx(30, abs=3)


def test_each_third_frame_keeps_the_speed(film, tmp_path):
    options = VideoOptions(every=3, batch_size=2)
    video, results = run_video(film, find_square, tmp_path / "out", options, tell=lambda _: None)
    info, frames = open_video(video)
    assert (round(info.rate), len(list(frames))) == (4, 3)
    assert [entry["image_id"] for entry in json.loads(results.read_text())] == [0, 3, 6]


def test_so_many_frames_at_most(film, tmp_path):
    sizes = []

    def count(images):
        sizes.append(len(images))
        return find_square(images)

    run_video(film, count, tmp_path, VideoOptions(max_frames=5, batch_size=3), tell=lambda _: None)
    assert sizes == [3, 2]


def test_nobody_found_is_a_video_without_drawings(film, tmp_path):
    def find(images):
        return [find_nobody(image) for image in images]

    video, results = run_video(film, find, tmp_path / "out", tell=lambda _: None)
    assert json.loads(results.read_text()) == []
    assert video.is_file()


def test_an_interruption_keeps_the_frames_that_are_done(film, tmp_path):
    calls = []

    def find(images):
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        return find_square(images)

    options = VideoOptions(batch_size=2)
    with pytest.raises(KeyboardInterrupt, match="2 frames are done and kept"):
        run_video(film, find, tmp_path / "out", options, tell=lambda _: None)
    assert len(list(open_video(tmp_path / "out/film_people.mp4")[1])) == 2
    assert len(json.loads((tmp_path / "out/film_results.json").read_text())) == 2


def test_a_frame_that_fails_is_told_and_the_others_are_kept(film, tmp_path):
    """Also where it is all of its batch, the last one of nine by four."""

    def find(images):
        if any(image[50, 68, 0] > 120 for image in images):  # the last frame alone
            raise RuntimeError("too far right")
        return find_square(images)

    told = []
    options = VideoOptions(batch_size=4)
    video, results = run_video(film, find, tmp_path / "out", options, tell=told.append)
    assert len(list(open_video(video)[1])) == FRAMES
    assert [entry["image_id"] for entry in json.loads(results.read_text())] == list(range(8))
    assert told[-2] == "film.mp4: nobody in frame 8, which failed: too far right"


def test_a_video_that_cannot_be_written_is_named(film, tmp_path, monkeypatch):
    class Closed:
        def __init__(self, *_):
            pass

        def isOpened(self):
            return False

    monkeypatch.setattr(cv2, "VideoWriter", Closed)
    with pytest.raises(OSError, match="cannot write a video to"):
        run_video(film, find_square, tmp_path / "out", tell=lambda _: None)


def test_a_file_that_is_no_video_is_named(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video")
    with pytest.raises(ValueError, match=r"broken\.mp4 is no video"):
        run_video(path, find_square, tmp_path / "out", tell=lambda _: None)
    assert not list(tmp_path.rglob("*_people.mp4"))


@pytest.mark.parametrize("options", [{"every": 0}, {"max_frames": 0}, {"batch_size": 0}])
def test_options_below_one_are_refused(options):
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        VideoOptions(**options)


@pytest.mark.interop
def test_one_square_keeps_its_number(film, tmp_path):
    pytest.importorskip("trackers")
    options = VideoOptions(track=True)
    _, results = run_video(film, find_square, tmp_path, options, tell=lambda _: None)
    numbers = [entry["track_id"] for entry in json.loads(results.read_text())]
    # the tracker gives a number to whom it has seen twice
    assert set(numbers[2:]) == {0}


def test_without_the_tracker_the_extra_is_named():
    try:
        import trackers  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(ImportError, match=r"pip install -e '\.\[video\]'"):
            Identities(25.0)
    else:
        pytest.skip("trackers is installed")


def test_videos_of_one_name_do_not_replace_each_other(film, tmp_path):
    out = tmp_path / "out"
    others = [tmp_path / name / "film.mp4" for name in "ab"]
    for other in others:
        other.parent.mkdir()
        other.write_bytes(film.read_bytes())
    broken = tmp_path / "film.avi"
    broken.write_text("none")
    model = SimpleNamespace(predict=find_square)
    assert _run_videos(model, [film, broken, *others], out, VideoOptions(max_frames=1)) == 3
    drawings = sorted(path.name for path in out.glob("*.mp4"))
    assert drawings == ["film_3_people.mp4", "film_4_people.mp4", "film_people.mp4"]
