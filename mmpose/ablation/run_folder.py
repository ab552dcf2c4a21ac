"""The files of one run: what it is to do, what was done, and who works on it.

Imports nothing heavy: a worker is a small process, or its memory would count as its tools'.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from mmpose.files import write_json

CHECKPOINT = "{checkpoint}"
"""Stands in a config for what the training before gave."""
State = Literal["new", "running", "interrupted", "failed", "done"]


class RunFolder:
    """The files of one run.

    Args:
        path: of the folder, which need not be there.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.recipe_file = self.path / "run.json"
        self.state_file = self.path / "state.json"
        self.lock_file = self.path / "lock"

    def recipe(self) -> dict[str, Any]:
        """What to do, as :meth:`mmpose.ablation.store.RunStore.prepare` wrote it."""
        return json.loads(self.recipe_file.read_text(encoding="utf-8"))

    def record(self) -> dict[str, Any]:
        """What was done so far; nothing of a run that never began."""
        try:
            return json.loads(self.state_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def write_record(self, record: dict[str, Any]) -> None:
        """Keep what was done, whole or not at all."""
        write_json(self.state_file, record, indent=1)

    def state(self) -> State:
        """How far the run is; one that nobody works on any more is ``interrupted``."""
        state = self.record().get("state", "new")
        if state in ("done", "failed"):
            return state
        if self.is_locked():
            return "running"
        return "new" if state == "new" else "interrupted"

    def is_locked(self) -> bool:
        """Whether some process works on it."""
        try:
            # tried and given back at once; who wants to work just then looks again later
            with self.lock_file.open("rb") as file:
                # shared: network file systems give no other to who only reads
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def holder(self) -> str:
        """Host and process that took the lock last, for people."""
        try:
            return self.lock_file.read_text(encoding="utf-8").strip() or "another process"
        except FileNotFoundError:
            return "nobody"

    @contextmanager
    def lock(self) -> Iterator[int | None]:
        """Work on it alone.

        Yields:
            The lock's file descriptor, None if another process has it. A child process that
            inherits it keeps the lock for as long as it lives, whatever becomes of its parent; the
            system gives it back when all are gone, so no lock is ever stale.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            # for people alone: whether it is locked is known to the system, not to the text
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{socket.gethostname()} process {os.getpid()}\n".encode(), 0)
            yield descriptor
        finally:
            os.close(descriptor)
