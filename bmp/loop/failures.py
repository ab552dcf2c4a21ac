"""Images that fail, named with their stage and kept apart from the others of their batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from traceback import clear_frames
from typing import TypeVar

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


def describe_failure(error: Exception) -> str:
    """The error in one line, with its stage."""
    notes = [note for note in getattr(error, "__notes__", []) if note.startswith("stage ")]
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0] + (f" ({notes[0]})" if notes else "")


def run_apart(
    run: Callable[[Sequence[int]], Sequence[Result]], num_images: int
) -> list[Result | Exception]:
    """Results of images together or, where one fails, each by itself.

    Args:
        run: results of the images with these indices.
        num_images: how many there are.

    Returns:
        For every image its result, or the error that it raises alone.

    Raises:
        Exception: where all images fail, which is no fault of an image.
    """
    everything = list(range(num_images))
    try:
        return list(run(everything)) if everything else []
    except Exception:
        if num_images == 1:
            raise
    answers: list[Result | Exception] = []
    for n in everything:
        try:
            answers += run([n])
        except Exception as error:
            clear_frames(error.__traceback__)  # they hold the image's tensors, which others need
            answers.append(error)
    first = answers[0]
    if isinstance(first, Exception) and all(isinstance(a, Exception) for a in answers):
        raise first
    return answers


def run_each(
    run: Callable[[Sequence[int]], Sequence[Result]], num_images: int
) -> list[Result | Exception]:
    """As :func:`run_apart`, but errors also where all images fail: the caller counts them."""
    try:
        return run_apart(run, num_images)
    except Exception as error:
        clear_frames(error.__traceback__)
        return [error] * num_images
