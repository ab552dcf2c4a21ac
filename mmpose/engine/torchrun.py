"""torchrun that lets a training which is told to stop finish its step; used by the scripts.

    python -m mmpose.engine.torchrun [torchrun's options] tools/train.py CONFIG --launcher pytorch

torchrun itself dies of SIGUSR1, leaving its processes behind, kills them 30 seconds after SIGTERM
however long a checkpoint takes, and ends with 1 whatever their exit code is. Here signals are
passed on, and a training that was told to stop ends with `PREEMPTED`.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from .preemption import PREEMPTED, SIGNALS, signal_name

# from a thread torchrun installs no handlers of its own, and warns of it
_LOGGER = "torch.distributed.elastic.multiprocessing.api"


def child_processes() -> list[int]:
    """Numbers of the processes that this one started and that are alive."""
    lists = Path("/proc/self/task").glob("*/children")
    return [int(number) for file in lists for number in file.read_text().split()]


def _pass_on(number: int, frame: FrameType | None = None) -> None:
    print(f"torchrun: passing {signal_name(number)} on", file=sys.stderr, flush=True)
    for child in child_processes():
        try:
            os.kill(child, number)
        except ProcessLookupError:  # just gone
            continue


def exit_code(error: Exception) -> int:
    """What a launcher should end with after its processes failed.

    Args:
        error: of torchrun; its failures are those of this machine.
    """
    if not isinstance(error, ChildFailedError):
        raise error
    codes = [failure.exitcode for failure in error.failures.values()]
    # the others may have been ended by torchrun when the first one was gone
    return PREEMPTED if PREEMPTED in codes else next((code for code in codes if code > 0), 1)


def _run_in_thread(run: Callable[[], None]) -> Exception | None:
    """Run beside the main thread, which alone receives signals; what it failed with."""
    failures: list[Exception] = []

    def catch() -> None:
        try:
            run()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=catch)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)  # without a limit no handler would run
    return failures[0] if failures else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the processes, wait for them, and give the exit code."""
    logging.getLogger(_LOGGER).setLevel(logging.ERROR)
    options = torchrun.parse_args(arguments)
    for number in SIGNALS:
        signal.signal(number, _pass_on)
    error = _run_in_thread(lambda: torchrun.run(options))
    if error is None:
        return 0
    code = exit_code(error)
    if code != PREEMPTED:
        print(f"torchrun: a process ended with {code}, see above", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
