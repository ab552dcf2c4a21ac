"""Lists of JSON values that lie on the disk, so that memory does not grow with them."""

import json
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class JsonList:
    """A list of JSON values that can be lengthened and read, in a temporary file without a name."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+b")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._count = 0

    def append(self, value: Any) -> None:
        """Lengthen by one value.

        Raises:
            OSError: the folder of temporary files is full.
        """
        with _named():
            self._file.seek(0, os.SEEK_END)
            self._file.write(json.dumps(value).encode("ascii") + b"\n")
            self._file.flush()
        self._count += 1

    def __iadd__(self, values: Iterable[Any]) -> "JsonList":
        for value in values:
            self.append(value)
        return self

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        return map(json.loads, self._lines())

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, JsonList | list) else NotImplemented

    __hash__ = None

    def write(self, file: TextIO) -> None:
        """Write the list as JSON."""
        file.write("[")
        for number, line in enumerate(self._lines()):
            file.write((", " if number else "") + line.rstrip("\n"))
        file.write("]")

    def _lines(self) -> Iterator[str]:
        # each reader keeps its own place: others may read, lengthen the list, or stop meanwhile
        place = 0
        while True:
            with _named():
                self._file.seek(place)
                line = self._file.readline()
            if not line:
                return
            place += len(line)
            yield line.decode("ascii")


@contextmanager
def _named() -> Iterator[None]:
    """Say in an error where the file without a name lies."""
    try:
        yield
    except OSError as error:
        error.filename = tempfile.gettempdir()
        raise
