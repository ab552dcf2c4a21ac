"""Lists of JSON values that lie on the disk, so that memory does not grow with them."""

import json
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, TextIO


class JsonList:
    """A list of JSON values that can be lengthened and read, in a temporary file without a name."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._count = 0

    def append(self, value: Any) -> None:
        """Lengthen by one value."""
        self._file.write(json.dumps(value) + "\n")
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
        self._file.seek(0)
        yield from self._file
        self._file.seek(0, 2)
