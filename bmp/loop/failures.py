"""Images that fail, named with their stage and kept apart from the others of their batch."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from traceback import clear_frames
from typing import TypeVar

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
MOST_FAILURES = 16  # images failing one after the other, which is no longer a fault of the images


@contextmanager
def stage(name: str, turn: int | None = None) -> Iterator[None]:
    """Say in which stage an error arose, as a note to it."""
    try:
        yield
    except Exception as error:
        error.add_note(f"stage {name}" + ("" if turn is None else f" of turn {turn + 1}"))
        raise


class FailuresInARow:
    """Ends a run in which image after image fails: that is no fault of the images."""

    def __init__(self) -> None:
        self.num_failed = 0

    def note(self, answer: object) -> None:
        """Count an image's answer.

        Raises:
            Exception: the answer, where it is an error and that of the images before it too.
        """
        self.num_failed = self.num_failed + 1 if isinstance(answer, Exception) else 0
        if self.num_failed == MOST_FAILURES:
            raise answer


def describe_failure(error: Exception) -> str:
    """The error in one line, with its stage."""
    notes = [note for note in getattr(error, "__notes__", []) if note.startswith("stage ")]
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0] + (f" ({notes[0]})" if notes else "")


def run_each(
    run: Callable[[Sequence[int]], Sequence[Result]], num_images: int
) -> list[Result | Exception]:
    """Results of images together or, where one fails, each by itself.

    Args:
        run: results of the images with these indices.
        num_images: how many there are.

    Returns:
        For every image its result, or the error that it raises alone.
    """
    everything = list(range(num_images))
    try:
        return list(run(everything)) if everything else []
    except Exception as error:
        clear_frames(error.__traceback__)  # they hold the images' tensors, which others need
        if num_images == 1:
            return [error]
        together = describe_failure(error)
    answers: list[Result | Exception] = []
    for n in everything:
        try:
            answers += run([n])
        except Exception as error:
            clear_frames(error.__traceback__)
            answers.append(error)
    if not any(isinstance(answer, Exception) for answer in answers):
        _tell_of_batch(num_images, together)
    return answers


@cache  # once, not for each batch: the answers are whole, only the time is lost
def _tell_of_batch(num_images: int, why: str) -> None:
    logger.warning(
        "%d images together failed, each alone did not, so each batch may be run twice; a smaller "
        "batch_size saves that: %s",
        num_images,
        why,
    )
