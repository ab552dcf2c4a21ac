"""What is unusual in a file: counted while it is read, told in one line a kind, or refused."""

import logging
from collections import Counter
from collections.abc import Callable

from mmengine.logging import print_log


class RecordsRefusedError(ValueError):
    """Some records of a file cannot be meant; without them the rest could be read.

    Args:
        message: what is wrong and how it is put right.
        kind: the same without names and numbers.
        concerns: whether an entry of ``annotations`` is one of them.
    """

    def __init__(self, message: str, kind: str, concerns: Callable[[dict], bool]) -> None:
        super().__init__(message)
        self.kind = kind
        self.concerns = concerns


class Oddities:
    """What was unusual in a file, counted by kind, to be told in one line each.

    A subclass may look at every record (:meth:`see`), and go on where a record is refused.

    Args:
        source: name of the file.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def add(self, what: str, where: str, record: dict | None = None, *, lost: bool = False) -> None:
        """Count one more.

        Args:
            what: the kind.
            where: which one.
            record: the annotation or image.
            lost: whether something of the file is not used.
        """
        self.counts[what] += 1
        self.first.setdefault(what, where)

    def see(self, record: dict, person: dict) -> None:
        """An annotation as the file has it, and what was read."""

    def refuse(self, error: ValueError, record: dict) -> None:
        """An annotation that cannot be read.

        Raises:
            ValueError: the error itself.
        """
        raise error

    def tell(self) -> None:
        """Print a line for each kind."""
        for what, count in self.counts.items():
            where = self.first[what]
            line = f"{self.source}: {what}: {count}, the first is {where}"
            print_log(line, logger="current", level=logging.WARNING)
