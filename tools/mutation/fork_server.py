"""Running tests in forked children of one process that has imported the heavy libraries once."""

import compileall
import importlib
import json
import os
import py_compile
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from .kinds import Mutant

# what most tests import first; none of ours, or a child could not import the mutant
PRELOADED = ("torch", "torchvision", "scipy", "cv2", "mmengine.runner", "pycocotools.mask", "timm")
MAX_MEMORY = 16 * 2**30  # bytes of address space: an endless loop may also fill lists
OUTCOMES = {0: "survived", -signal.SIGKILL: "timed out"}
POLL_SECONDS = 0.05


def preload() -> None:
    """Import what the children share, with one thread each: threads do not survive a fork."""
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in PRELOADED:
        importlib.import_module(name)


def copy_repository(root: Path, target: Path) -> Path:
    """A copy of what git knows or could know of a working tree, where mutants may be written.

    Tests that read ``../shared`` find it there too. Byte code is compiled once and checked by the
    hash of its source: by time and size, a mutant could be taken for the original.

    Args:
        root: of the repository.
        target: folder to make; the copy lies in it.

    Returns:
        The root of the copy.
    """
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=root, check=True, capture_output=True)
    copy = target / "repository"
    for name in filter(None, listed.stdout.decode().split("\0")):
        if os.path.lexists(root / name):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name, follow_symlinks=False)
    if (root.parent / "shared").exists():
        (target / "shared").symlink_to(root.parent / "shared")
    checked = py_compile.PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(copy, quiet=1, invalidation_mode=checked)
    return copy


class _Durations:
    """A plugin of pytest that writes how long the tests of each file took, in seconds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid.partition("::")[0]] += report.duration

    def pytest_sessionfinish(self) -> None:
        self.path.write_text(json.dumps(self.seconds))


def start_tests(copy: Path, tests: Sequence[str], log: Path, *options: str) -> int:
    """Run tests of a copy in a child process; its exit code is pytest's.

    Beside the log, a file of the same name and ``.json`` tells how long each test file took.

    Returns:
        The id of the process, which leads a group of its own.
    """
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 70
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        os.chdir(copy)
        sys.dont_write_bytecode = True
        os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        sys.path[0] = str(copy)  # instead of the folder of the tool
        plugins = [_Durations(log.with_suffix(".json"))]
        code = int(pytest.main([*options, "-q", "-p", "no:cacheprovider", *tests], plugins))
    finally:
        sys.stdout.flush()
        os._exit(code)


def wait_for(process: int, deadline: float) -> int | None:
    """The exit code of a child, negative for a signal; None while it runs.

    One that runs beyond the deadline is killed with all that it started.
    """
    finished, status = os.waitpid(process, os.WNOHANG)
    if not finished and time.monotonic() > deadline:
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        finished, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status) if finished else None


@dataclass
class _Job:
    mutant: Mutant
    process: int
    deadline: float
    copy: Path
    source: bytes


def run_mutants(
    mutants: Sequence[Mutant],
    tests: dict[str, list[str]],
    limits: dict[str, float],
    copies: Sequence[Path],
) -> Iterator[tuple[Mutant, str]]:
    """Run the tests of each mutant until one fails.

    Args:
        mutants: what to try.
        tests: for each source file its tests.
        limits: for each source file the seconds that its tests may take.
        copies: of the repository, one for each mutant that runs at a time.

    Yields:
        Each mutant when it is decided, and ``killed``, ``timed out`` or ``survived``.
    """
    waiting, free, jobs = list(mutants), list(copies), []
    while waiting or jobs:
        while waiting and free:
            mutant = waiting.pop(0)
            jobs.append(_start(mutant, tests[mutant.path], limits[mutant.path], free.pop()))
        for job in list(jobs):
            code = wait_for(job.process, job.deadline)
            if code is None:
                continue
            (job.copy / job.mutant.path).write_bytes(job.source)
            jobs.remove(job)
            free.append(job.copy)
            yield job.mutant, OUTCOMES.get(code, "killed")
        time.sleep(POLL_SECONDS)


def _start(mutant: Mutant, tests: Sequence[str], limit: float, copy: Path) -> _Job:
    path = copy / mutant.path
    source = path.read_bytes()
    path.write_bytes(mutant.apply(source))
    process = start_tests(copy, tests, copy.parent / "log", "-x")
    return _Job(mutant, process, time.monotonic() + limit, copy, source)
