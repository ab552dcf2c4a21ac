"""A batch that does not come: a worker died, an image is corrupt, a disk went away."""

import logging
import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from mmengine.dist import get_rank
from mmengine.logging import print_log
from mmengine.runner import Runner


class DataError(ValueError):
    """The data of a training fails, in this process or another; told in one line."""


def guarded(batches: Iterable, runner: Runner) -> Iterator[Any]:
    """The batches of an epoch, each of which all processes have got, or none.

    The hooks' method ``after_fetch`` hears of each fetch, so that `CheckpointHook` can save what
    was computed before a fault ends the training.
    """
    batches = iter(batches)
    while True:
        error = batch = None
        try:
            batch = next(batches)
        except StopIteration:
            return
        except Exception as caught:
            error = caught
        _let_fetches_notice_dead_workers()
        runner.call_hook("after_fetch", error=error)
        if error is not None:  # no hook took it
            raise error
        yield batch


def _let_fetches_notice_dead_workers() -> None:
    """Take torch's handler of SIGCHLD away: it raises wherever the training happens to be.

    A step would be cut in its middle. The fetch finds out by itself, within five seconds.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def explain_data_error(error: Exception) -> Exception:
    """What to raise: one line where a user can fix it, else the error itself.

    Args:
        error: as torch's ``DataLoader`` raised it.
    """
    text = str(error).strip()
    is_missing = isinstance(error, RuntimeError) and "DataLoader worker" in text
    # whichever the fetch meets first: the missing worker, or the end of its pipe
    if is_missing or isinstance(error, ConnectionError | EOFError):
        told = text.splitlines()[0] if text else repr(error)
        return DataError(
            f"a data worker died ({told}), often for lack of memory; see dmesg, lower num_workers "
            "or the batch size"
        )
    if isinstance(error, OSError | ValueError):
        # a worker sends its whole traceback as the text; the last line is the error itself
        told = text.splitlines()[-1] if text else repr(error)
        return DataError(f"data cannot be read: {told}")
    return error


def end_for_data(error: Exception | None, told: str, saved: str) -> NoReturn:
    """End the training of this process because data failed in it, or in another one.

    Args:
        error: of this process, if it is the one.
        told: what went wrong there.
        saved: what is on disk.

    Raises:
        DataError: one line; for a fault of the code the error itself.
    """
    if error is None:
        raise DataError(f"another process cannot read its data: {told.splitlines()[-1]}")
    print_log(f"process {get_rank()}: {saved}", logger="current", level=logging.ERROR)
    raise explain_data_error(error) from error
