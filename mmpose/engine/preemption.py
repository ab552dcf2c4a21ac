"""A training that is told to stop finishes its step, writes a checkpoint and says so.

Schedulers stop jobs by SIGTERM or SIGUSR1, people by Ctrl-C. The signal is only noted here;
`CheckpointHook` asks for it between two steps, where all processes agree on the same step.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from mmengine.dist import barrier

PREEMPTED = 75
"""Exit code of a training that was told to stop and can be resumed (EX_TEMPFAIL of sysexits.h)."""
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
IMPATIENT_S = 2.0  # a terminal and a launcher may both pass on one Ctrl-C


class Preempted(SystemExit):
    """Ends the program with `PREEMPTED` after the checkpoint is written.

    Args:
        reason: told by whoever catches it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(PREEMPTED)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class SignalNote:
    """Notes the first signal; a second Ctrl-C, two seconds later, interrupts at once."""

    def __init__(self) -> None:
        self.number = 0
        self._noted_at = 0.0
        self._owner = os.getpid()

    def __call__(self, number: int, frame: FrameType | None = None) -> None:
        """Called by Python when the signal arrives."""
        # forked data workers inherit this: a signal to the whole group must not take them away
        # from the step that is to be finished; `watch_signals` ends them
        if os.getpid() != self._owner:
            return
        if not self.number:
            self.number, self._noted_at = number, time.monotonic()
        elif number == signal.SIGINT and time.monotonic() - self._noted_at > IMPATIENT_S:
            raise KeyboardInterrupt


_note: SignalNote | None = None  # signals belong to the process, so does their note


@contextmanager
def watch_signals() -> Iterator[None]:
    """Note SIGTERM, SIGUSR1 and Ctrl-C inside the block instead of dying of them.

    At its end data workers that are left are killed: they do not hear SIGTERM, by which Python
    ends them and then waits. Only the main thread can do all this; elsewhere nothing changes.
    """
    global _note
    _note = note = SignalNote()
    try:
        before = {number: signal.signal(number, note) for number in SIGNALS}
    except ValueError:  # not the main thread
        before = {}
    try:
        yield
    finally:
        _note = None
        if before:
            _end_workers()
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_workers() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's would call their end an error
    for child in multiprocessing.active_children():
        if child.daemon:
            child.kill()
            child.join()


def noted_signal() -> int:
    """Number of the signal that arrived since `watch_signals`; 0 for none."""
    return _note.number if _note else 0


def leave(number: int, saved: str) -> NoReturn:
    """End the training of all processes; each calls it.

    Args:
        number: the signal that asked for it.
        saved: what is on disk.

    Raises:
        Preempted: always.
    """
    barrier()  # a launcher ends the other processes when the first one is gone
    raise Preempted(f"stopped by {signal_name(number)}: {saved}")


def signal_name(number: int) -> str:
    """``SIGTERM``, and Ctrl-C by the name people know."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
