"""The loop on the frames of a video file."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from bmp.evaluation.coco_results import people_to_results
from bmp.results import BMPResult
from bmp.streams import stream_results
from bmp.visualization import draw_people, fit_width, write_gif
from mmpose.files import whole_file, write_json

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

logger = logging.getLogger(__name__)

VIDEO, GIF, RESULTS = "_people.mp4", "_people.gif", "_results.json"
GIF_FRAMES, GIF_WIDTH = 60, 480
USUAL_RATE = 25.0  # frames per second, of a video that does not tell

FindMany = Callable[[Sequence[np.ndarray]], list[BMPResult]]


@dataclass(frozen=True)
class VideoOptions:
    """How a video is run.

    Attributes:
        every: only each n-th frame.
        max_frames: stop after so many of these; None takes all.
        batch_size: frames that go through the loop together.
        track: give people of following frames one identity.
        gif: write the first 60 drawings as a GIF too.
    """

    every: int = 1
    max_frames: int | None = None
    batch_size: int = 4
    track: bool = False
    gif: bool = False

    def __post_init__(self) -> None:
        for name in ("every", "max_frames", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself.

    Attributes:
        rate: frames per second.
        num_frames: as its header says; 0 where that is unknown.
    """

    rate: float
    num_frames: int


def open_video(path: Path) -> tuple[VideoInfo, Iterator[np.ndarray]]:
    """A video's numbers, and its frames (H, W, 3) uint8 BGR one by one, upright.

    OpenCV reads it, or PyAV where OpenCV gives no frame and PyAV is installed. A file that is
    damaged later ends where it is damaged.

    Raises:
        ValueError: it is no video that either can read.
    """
    capture = cv2.VideoCapture(str(path))
    # it may open a file and then find no frame, as behind minutes of sound
    is_there, first = capture.read()
    if is_there:
        rate = capture.get(cv2.CAP_PROP_FPS) or USUAL_RATE
        info = VideoInfo(rate, max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0))
        return info, _frames_of_opencv(capture, first)
    capture.release()
    try:
        import av
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{path} is no video that OpenCV can read; PyAV reads more: pip install -e '.[video]'"
        ) from error
    container = None
    try:
        container = av.open(str(path))
        stream = container.streams.video[0]
        first = next(frames := container.decode(stream))
    except (av.error.FFmpegError, IndexError, StopIteration) as error:
        if container is not None:
            container.close()
        reason = str(error) or "without a frame"
        raise ValueError(f"{path} is no video that OpenCV or PyAV can read ({reason})") from error
    info = VideoInfo(float(stream.average_rate or USUAL_RATE), stream.frames or 0)
    return info, _frames_of_pyav(path, container, chain([first], frames))


def _frames_of_opencv(capture: cv2.VideoCapture, first: np.ndarray) -> Iterator[np.ndarray]:
    try:
        is_there, frame = True, first
        while is_there:
            yield frame
            is_there, frame = capture.read()
    finally:
        capture.release()


def _frames_of_pyav(
    path: Path, container: "InputContainer", frames: Iterator["VideoFrame"]
) -> Iterator[np.ndarray]:
    from av.error import FFmpegError

    with container:
        try:
            for frame in frames:
                # phones store what they see and how it is to be turned; OpenCV turns it itself
                turns = round(frame.rotation / 90) % 4
                yield np.ascontiguousarray(np.rot90(frame.to_ndarray(format="bgr24"), turns))
        except FFmpegError as error:
            logger.warning("%s ends early, as it is damaged: %s", path, error)


class Identities:
    """Who of a frame is who of the frames before: ByteTrack on boxes, of the package trackers.

    Raises:
        ImportError: the package is not installed.
    """

    def __init__(self, rate: float) -> None:
        try:
            import supervision
            from trackers import ByteTrackTracker
        except ModuleNotFoundError as error:
            raise ImportError(
                f"--track needs the package {error.name}: pip install -e '.[video]'"
            ) from error
        self._supervision = supervision
        # of the loop's own people all are meant, so that no score is too low to begin with
        self._tracker = ByteTrackTracker(
            frame_rate=rate,
            track_activation_threshold=0.0,
            high_conf_det_threshold=0.3,
            minimum_consecutive_frames=1,
        )

    def of(self, result: BMPResult) -> list[int | None]:
        """A number for each person, None for one who has none yet."""
        detections = self._supervision.Detections(
            xyxy=result.bboxes.reshape(-1, 4),
            confidence=result.bbox_scores,
            class_id=np.zeros(len(result), int),
            data={"place": np.arange(len(result))},
        )
        tracked = self._tracker.update(detections)
        numbers: list[int | None] = [None] * len(result)
        if len(tracked):
            for place, number in zip(tracked.data["place"], tracked.tracker_id, strict=True):
                numbers[int(place)] = int(number) if number >= 0 else None
        return numbers


def run_video(
    path: Path,
    find_many: FindMany,
    out_dir: Path,
    options: VideoOptions | None = None,
    *,
    stem: str | None = None,
    tell: Callable[[str], None] = print,
) -> list[Path]:
    """Run the loop on the frames of a video.

    Writes ``NAME_people.mp4``, the drawings at the video's own speed, and ``NAME_results.json``,
    COCO results whose ``image_id`` is the number of the frame from 0, with ``track_id`` where
    people are tracked. An interruption keeps the frames that are done.

    Args:
        path: of the video.
        find_many: frames to their people: predict of :class:`bmp.api.BBoxMaskPose`.
        out_dir: where the files go; made.
        options: how.
        stem: NAME, where it is not the video's own.
        tell: takes a line of progress now and then.

    Returns:
        The files written.

    Raises:
        ValueError: the video cannot be read.
        Exception: that of a stage that fails on 16 frames in a row.
    """
    options = options or VideoOptions()
    info, frames = open_video(path)
    wanted = islice(islice(frames, 0, None, options.every), options.max_frames)
    identities = Identities(info.rate) if options.track else None
    results: list[dict[str, Any]] = []
    shown: list[np.ndarray] = []
    out_dir.mkdir(parents=True, exist_ok=True)
    video, results_file, gif = video_outputs(out_dir, path, stem or path.stem)
    started, done = time.perf_counter(), 0
    expected = _expected_frames(info, options)
    with (
        whole_file(video) as partial,
        _Writer(partial, info.rate / options.every) as writer,
        # decoded while the frames before are worked on
        closing(stream_results(wanted, find_many, batch_size=options.batch_size)) as answers,
    ):
        interrupted = False
        try:
            for frame, result in answers:
                number = done * options.every
                if result.error is not None:
                    tell(f"{path.name}: nobody in frame {number}, which failed: {result.error}")
                ids = identities.of(result) if identities else None
                drawn = draw_people(frame, result, numbers=ids)
                writer.add(drawn)
                results += _entries(result, number, ids)
                if options.gif and len(shown) < GIF_FRAMES:
                    shown.append(fit_width(drawn, GIF_WIDTH))
                done += 1
                if done % options.batch_size == 0 or done == expected:
                    _tell_progress(tell, path, done, expected, time.perf_counter() - started)
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted = True  # told below, when the frames that are done are on disk
        if not done:
            raise ValueError(f"{path} has no frame that can be read")
    written = [video, results_file]
    write_json(results_file, results)
    if shown:
        written.append(write_gif(gif, shown, options.every / info.rate))
    if interrupted:
        raise KeyboardInterrupt(f"interrupted; {done} frames are done and kept in {out_dir}")
    return written


def video_outputs(out_dir: Path, _path: Path, stem: str) -> list[Path]:
    """All files that may be written of a video: drawings, results, GIF."""
    return [out_dir / f"{stem}{ending}" for ending in (VIDEO, RESULTS, GIF)]


def _expected_frames(info: VideoInfo, options: VideoOptions) -> int:
    """As many as the header says, which may be wrong; shown to the reader alone."""
    expected = len(range(0, info.num_frames, options.every))
    return min(expected, options.max_frames or expected)


def _tell_progress(
    tell: Callable[[str], None], path: Path, done: int, expected: int, seconds: float
) -> None:
    left = (expected - done) * seconds / done if expected > done else 0
    of = f" of {expected}" if expected >= done else ""
    tell(f"{path.name}: {done}{of} frames, {done / seconds:.1f} a second, {left:.0f} s left")


def _entries(result: BMPResult, number: int, ids: list[int | None] | None) -> list[dict]:
    entries = people_to_results(result.people, number)
    for n, entry in enumerate(entries):
        entry.update(score=entry["scores"], iteration=int(result.iteration[n]))
        if ids is not None:
            entry["track_id"] = ids[n]
    return entries


class _Writer:
    """An MP4 file whose size is that of its first frame."""

    def __init__(self, path: Path, rate: float) -> None:
        self.path, self.rate = path, float(Fraction(rate).limit_denominator(1001))
        self.writer: cv2.VideoWriter | None = None

    def add(self, frame: np.ndarray) -> None:
        """Write a frame (H, W, 3) uint8 BGR."""
        size = (frame.shape[1], frame.shape[0])
        if self.writer is None:
            self.size = size
            code = cv2.VideoWriter_fourcc(*"mp4v")
            # by its ending OpenCV chooses the container, and the unfinished file has another
            self.named = self.path.with_name(self.path.name + ".mp4")
            writer = cv2.VideoWriter(str(self.named), code, self.rate, size)
            if not writer.isOpened():
                raise OSError(f"OpenCV cannot write a video to {self.path.parent}")
            self.writer = writer
        self.writer.write(frame if size == self.size else cv2.resize(frame, self.size))

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        if self.writer is not None:
            self.writer.release()
            self.named.replace(self.path)
