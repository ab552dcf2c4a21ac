"""Frames one after the other: read and sent to the device while those before are worked on."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from bmp.loop.failures import FailuresInARow, describe_failure, run_each
from bmp.results import BMPResult, failed_result
from mmpose.engine.memory import is_out_of_memory
from mmpose.inputs import Image, image_tensor, read_image

logger = logging.getLogger(__name__)

AHEAD = 2  # batches that are ready at a time; bounds the memory
LONGEST_WAIT = 5.0  # s that a source which blocks is waited for when the caller stops
THREAD_NAME = "bmp-read-ahead"

Item = TypeVar("Item")
_ITEM, _END, _ERROR = "item", "end", "error"


def read_ahead(source: Iterable[Item], ahead: int = AHEAD) -> Iterator[Item]:
    """What a source gives, in its order, taken from it by a thread while the caller works.

    The thread starts with the first item and ends with the source, with an error, or when the
    caller stops: closes this generator or lets go of it.

    Args:
        source: is iterated in the thread.
        ahead: items that may wait.

    Raises:
        Exception: that of the source, after the items before it.
    """
    queue: Queue = Queue(maxsize=ahead)
    stopped = Event()
    arguments = (source, queue, stopped)
    # a daemon: a camera that gives nothing more must not keep the program from ending
    thread = Thread(target=_feed, args=arguments, daemon=True, name=THREAD_NAME)
    thread.start()
    try:
        while True:
            kind, value = queue.get()
            if kind == _ERROR:
                raise value
            if kind == _END:
                return
            yield value
    finally:
        stopped.set()
        # the thread may wait for room; after one item more it sees that it is to stop
        _drain(queue)
        thread.join(LONGEST_WAIT)


def _feed(source: Iterable, queue: Queue, stopped: Event) -> None:
    last: tuple[str, Any] = (_END, None)
    try:
        for item in source:
            queue.put((_ITEM, item))
            if stopped.is_set():
                return
    except BaseException as error:  # raised again where somebody looks
        last = (_ERROR, error)
    queue.put(last)


def _drain(queue: Queue) -> None:
    while True:
        try:
            queue.get_nowait()
        except Empty:
            return


@dataclass
class Frame:
    """A frame on its way.

    Attributes:
        image: (H, W, 3) uint8 BGR as it was read; None where that failed.
        sent: the image as the loop takes it, which may lie on a device.
        error: why it could not be read.
        arrived: when its upload is done; None: it is not uploaded here.
    """

    image: Image | None
    sent: Image | None = None
    error: str | None = None
    arrived: torch.cuda.Event | None = None

    def wait(self) -> Image:
        """The image for the work that is queued from now on; the host does not wait."""
        if self.arrived is not None:
            current = torch.cuda.current_stream(self.sent.device)
            current.wait_event(self.arrived)
            self.sent.record_stream(current)  # its memory is of another stream
        return self.sent


def check_frames(frames: Iterable[Any]) -> None:
    """Refuse what would be taken apart into letters or rows.

    Raises:
        TypeError: one image, or a path.
    """
    is_path = isinstance(frames, str | bytes | os.PathLike)
    if is_path or (isinstance(frames, np.ndarray | Tensor) and frames.ndim < 4):
        what = f"the path {os.fspath(frames)!r}" if is_path else "one array"
        raise TypeError(
            f"frames are images one after the other, got {what}: [frame] streams one image, and "
            "open_video(path)[1] of bmp.prediction.videos gives the frames of a video"
        )


def stream_results(
    frames: Iterable[Any],
    find: Callable[[Sequence[Image]], list[BMPResult]],
    *,
    batch_size: int,
    device: torch.device | None = None,
) -> Iterator[tuple[Image | None, BMPResult]]:
    """Frames and their results, in order; see :meth:`bmp.api.BBoxMaskPose.stream`.

    Args:
        frames: paths, arrays or tensors.
        find: images to their results.
        batch_size: frames that are handed to it together.
        device: a GPU that frames are sent to ahead; None: ``find`` takes them as they are.
    """
    failures = FailuresInARow()
    with closing(read_ahead(_read_batches(frames, batch_size, device))) as batches:
        for batch in batches:
            answers = iter(_answer(find, [f.wait() for f in batch if f.error is None]))
            for frame in batch:
                answer = failed_result(frame.error) if frame.error else next(answers)
                if frame.error is None:
                    failures.note(answer)
                if isinstance(answer, Exception):
                    answer = failed_result(describe_failure(answer))
                if answer.error is not None:
                    logger.warning("a frame failed: %s", answer.error)
                yield frame.image, answer


def results_alone(pairs: Iterator[tuple[Any, BMPResult]]) -> Iterator[BMPResult]:
    """The second of each pair; closing this generator closes the other."""
    with closing(pairs):
        for _, result in pairs:
            yield result


def _read_batches(
    frames: Iterable[Any], batch_size: int, device: torch.device | None
) -> Iterator[list[Frame]]:
    # a stream of its own: the copies need not queue behind the work on earlier frames
    side = None if device is None else torch.cuda.Stream(device)
    batch: list[Frame] = []
    try:
        for frame in frames:
            batch.append(_read(frame, side))
            if len(batch) == batch_size:
                yield batch
                batch = []
    except Exception:
        if batch:  # what came before the error is answered first
            yield batch
        raise
    if batch:
        yield batch


def _read(frame: Any, side: torch.cuda.Stream | None) -> Frame:
    try:
        image = read_image(frame)
    # a TypeError too: a camera that fails now and then gives None
    except (ValueError, TypeError) as error:
        return Frame(None, error=str(error))
    if side is None:
        return Frame(image, image)
    try:
        with torch.cuda.stream(side):
            tensor = image_tensor(image)
            # from pinned memory the copy runs beside the host
            tensor = tensor if tensor.is_cuda else tensor.pin_memory()
            sent = tensor.to(side.device, non_blocking=True)
            return Frame(image, sent, arrived=side.record_event())
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return Frame(image, image)  # the loop has room once its own work on those before is done


def _answer(
    find: Callable[[Sequence[Image]], list[BMPResult]], images: Sequence[Image]
) -> Sequence[BMPResult | Exception]:
    """Results, or the errors of images that fail."""
    return run_each(lambda chosen: find([images[n] for n in chosen]), len(images))
