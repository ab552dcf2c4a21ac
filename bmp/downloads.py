"""Fetching a file from the web: it goes on where it was cut off, and is whole or not there."""

import fcntl
import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

logger = logging.getLogger(__name__)

CHUNK = 1 << 20  # bytes
TIMEOUT = 30  # seconds without a byte
TRIES = 3  # for a connection that breaks; each goes on where the last one stopped


def download(url: str, target: Path, sha256: str | None = None) -> Path:
    """Fetch a file.

    What has come lies in ``NAME.part`` beside the target until all of it is there; the next call
    asks for the rest. Of two processes that want one file, the second waits for the first.

    Args:
        url: http, https or file.
        target: where it appears, whole.
        sha256: of the whole file, in hex; None: only the size is checked.

    Raises:
        OSError, HTTPException: no network, no such file, cut off, or another content.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with _one_at_a_time(target.with_name(target.name + ".lock")):
        if target.is_file():  # fetched by another process meanwhile
            return target
        _fetch_rest(url, part)
        if sha256 is not None and (got := _sha256(part)) != sha256:
            part.unlink()
            raise OSError(f"its SHA-256 is {got}, not {sha256}; what came was thrown away")
        part.chmod(0o644)
        part.replace(target)
    return target


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _fetch_rest(url: str, part: Path) -> None:
    for attempt in range(1, TRIES + 1):
        before = part.stat().st_size if part.is_file() else 0
        try:
            total = _append(url, part)
        except (OSError, HTTPException):
            got = part.stat().st_size if part.is_file() else 0
            # a server that gives nothing more will not at once either
            if attempt == TRIES or got == before:
                raise
            continue
        if total is None or part.stat().st_size == total:
            return
        if attempt == TRIES or part.stat().st_size == before:
            raise OSError(f"cut off after {part.stat().st_size} of {total} bytes")


def _append(url: str, part: Path) -> int | None:
    """Take up where the part ends; how long the whole is, None: the server does not say."""
    start = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={start}-"} if start and not url.startswith("file:") else {}
    try:
        response = urlopen(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        if error.code != 416:  # asked for nothing: all is here, or it is of another file
            raise
        total = _total(error.headers.get("Content-Range"))
        if total != start:
            part.unlink()
            raise OSError(f"{start} bytes were here, the file has {total}; start again") from error
        return total
    with response:
        continues = getattr(response, "status", None) == 206
        logger.warning("downloading %s%s", url, f" from byte {start} on" if continues else "")
        total = _whole_length(response, start if continues else 0)
        # a server that ignores the range sends all of it: the old bytes go
        with part.open("ab" if continues else "wb") as file:
            while block := response.read(CHUNK):
                file.write(block)
    return total


def _whole_length(response: HTTPResponse, start: int) -> int | None:
    length = response.headers.get("Content-Length")
    total = _total(response.headers.get("Content-Range"))
    return total or (None if length is None else start + int(length))


def _total(content_range: str | None) -> int | None:
    found = re.search(r"/(\d+)$", content_range or "")
    return int(found[1]) if found else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
