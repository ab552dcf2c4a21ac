"""What an evaluation has predicted so far, on disk image by image, so that it can go on.

Each process appends to a file of its own in one folder; a line is a check sum and the JSON of one
image. What an interruption cut off, or a disk damaged, is one line, whose image is done again.
"""

import json
import logging
import os
import secrets
import zlib
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

SUFFIX = ".jsonl"


@dataclass(frozen=True)
class _Place:
    """Where the line of an image stands, and the state of its file when it was predicted."""

    path: Path
    offset: int
    stamp: Any
    is_failed: bool

    def worth(self, stamp: Any) -> tuple[bool, bool]:
        """What of two records of an image the greater has, whichever came later.

        A prediction of another file than the present one says nothing of it, also where the present
        one cannot be read; a failure, of a disk that was away say, undoes no prediction.
        """
        return self.stamp == stamp, not self.is_failed


class PredictionStore:
    """Predictions of an evaluation, one record per image.

    Args:
        folder: of this evaluation alone; made with the first record.
        stamps: state of every image's file by image id, such as of :func:`file_stamp`: a record
            made of another state does not count.
    """

    def __init__(self, folder: str | os.PathLike, stamps: Mapping[Hashable, Any]) -> None:
        self.folder = Path(folder)
        self.stamps = dict(stamps)
        self.places: dict[str, _Place] = {}
        self._own: Path | None = None
        self.reload()

    def reload(self) -> None:
        """Look at what all processes have written by now."""
        self.places = {}
        num_damaged = 0
        # by time of writing: of two records of an image the later one counts
        for path in sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda p: p.stat().st_mtime_ns):
            offset = 0
            with path.open("rb") as file:
                for line in file:
                    record = _parse(line)
                    if record is None:
                        num_damaged += 1
                    else:
                        self._place(record, path, offset)
                    offset += len(line)
        if num_damaged:
            print_log(
                f"{num_damaged} lines in {self.folder} are damaged or cut off: these images are "
                "done again",
                logger="current",
                level=logging.WARNING,
            )

    def _place(self, record: dict, path: Path, offset: int) -> None:
        key = _key(record["img_id"])
        place = _Place(path, offset, record["stamp"], record["error"] is not None)
        stamp = self.stamps.get(record["img_id"])
        if key not in self.places or place.worth(stamp) >= self.places[key].worth(stamp):
            self.places[key] = place

    def is_finished(self, img_id: Hashable) -> bool:
        """Whether an image need not be predicted again; one that failed is tried again."""
        place = self.places.get(_key(img_id))
        return place is not None and not place.is_failed and place.stamp == self.stamps[img_id]

    def append(self, record: Mapping[str, Any]) -> None:
        """Write the record of an image, at once.

        Args:
            record: ``img_id``, ``error``, and whatever else JSON holds.

        Raises:
            OSError: the disk is full; what was written before stays.
        """
        text = json.dumps({**record, "stamp": self.stamps[record["img_id"]]}).encode()
        line = f"{zlib.crc32(text):08x} ".encode() + text + b"\n"
        if self._own is None:
            self._own = self.folder / f"{secrets.token_hex(8)}{SUFFIX}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._own.open("ab") as file:
                file.write(line)
        except OSError as error:
            raise OSError(
                f"cannot write the prediction of image {record['img_id']!r} into {self.folder} "
                f"({error.strerror}); all earlier ones are kept: make room and give the same "
                "command again"
            ) from error

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records, read one by one in the order of ``stamps``; without images never done."""
        for img_id in self.stamps:
            place = self.places.get(_key(img_id))
            if place is None:
                continue
            with place.path.open("rb") as file:
                file.seek(place.offset)
                record = _parse(file.readline())
            if record is None:
                raise OSError(
                    f"{place.path} changed while it was read; start the evaluation again, what is "
                    "whole there is kept"
                )
            yield record


def file_stamp(path: str | os.PathLike) -> list[int] | None:
    """Size and time of change of a file, which tell a replaced image; None: no such file."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return [state.st_size, state.st_mtime_ns]


def _key(img_id: Hashable) -> str:
    return json.dumps(img_id)  # 1 and "1" are two images


def _parse(line: bytes) -> dict | None:
    """The record of a line; None: cut off or damaged."""
    head, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or head != f"{zlib.crc32(text):08x}".encode():
        return None
    return json.loads(text)
