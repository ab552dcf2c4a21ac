"""A training that is told to stop finishes its step, writes a checkpoint and says so.

Schedulers stop jobs by SIGTERM or SIGUSR1, people by Ctrl-C. The signal is only noted here;
`CheckpointHook` asks for it between two steps, where all processes agree on the same step.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

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
        # workers that were forked inherit this. A signal to the whole group must not take them
        # away from the step that is to be finished; the next one is their own end
        if os.getpid() != self._owner:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        elif not self.number:
            self.number, self._noted_at = number, time.monotonic()
        elif number == signal.SIGINT and time.monotonic() - self._noted_at > IMPATIENT_S:
            raise KeyboardInterrupt


_note: SignalNote | None = None  # signals belong to the process, so does their note


@contextmanager
def watch_signals() -> Iterator[None]:
    """Note SIGTERM, SIGUSR1 and Ctrl-C inside the block instead of dying of them.

    Only the main thread can do so; elsewhere the block changes nothing.
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
        for number, handler in before.items():
            signal.signal(number, handler)


def noted_signal() -> int:
    """Number of the signal that arrived since `watch_signals`; 0 for none."""
    return _note.number if _note else 0


def signal_name(number: int) -> str:
    """``SIGTERM``, and Ctrl-C by the name people know."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
