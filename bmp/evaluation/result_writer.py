"""COCO result files of every turn and kind, written image by image in constant memory."""

import json
import logging
import re
import tempfile
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from mmengine.logging import print_log

from bmp.disk_cache import file_digest
from bmp.evaluation.coco_results import select_results
from mmpose.evaluation.result_files import read_results
from mmpose.files import whole_file


@dataclass
class Seen:
    """What the records of an evaluation tell beside people.

    Attributes:
        shapes: (h, w) of every image as it was opened, by id, in their order; None: unknown.
        errors: why images could not be read, by id.
        num_people: predicted after each turn.
        seconds: summed over images, by turn and stage.
    """

    shapes: dict[Hashable, tuple[int, int] | None] = field(default_factory=dict)
    errors: dict[Hashable, str] = field(default_factory=dict)
    num_people: list[int] = field(default_factory=list)
    seconds: Counter = field(default_factory=Counter)

    def add(self, record: Mapping) -> None:
        """Take all but the people of a record."""
        shape = record["shape"]
        self.shapes[record["img_id"]] = None if shape is None else tuple(shape)
        if record["error"] is not None:
            self.errors[record["img_id"]] = record["error"]
        for turn, spent in enumerate(record["seconds"], start=1):
            for stage, seconds in spent.items():
                self.seconds[f"turn{turn}/seconds_{stage}"] += seconds

    def check_readable(self) -> None:
        """Refuse an evaluation of nothing.

        Raises:
            ValueError: no image could be read, or there is none.
        """
        # equal also where no image came: numbers of nothing would hide the reason
        if len(self.errors) == len(self.shapes):
            reason = f", such as: {next(iter(self.errors.values()))}" if self.errors else ""
            raise ValueError(f"none of {len(self.shapes)} images could be read{reason}")

    def mean_seconds(self) -> dict[str, float]:
        """Seconds per image that could be read."""
        count = len(self.shapes) - len(self.errors)
        return {name: spent / count for name, spent in self.seconds.items()}


class ResultFiles:
    """One result file per turn and kind; a context, outside of which nothing can be read.

    Args:
        prefix: of ``PREFIX.turn1.bbox.json``, ...; None: files that go with the context.
        iou_types: kinds.
        ranked_by: which score ranks the people, for each kind.
    """

    def __init__(
        self, prefix: str | None, iou_types: Sequence[str], ranked_by: Mapping[str, str]
    ) -> None:
        self.prefix = prefix
        self.iou_types = iou_types
        self.ranked_by = ranked_by
        self._stack = ExitStack()
        self._written: dict[Path, str] = {}  # hash of what was written into each file

    def __enter__(self) -> "ResultFiles":
        if self.prefix is None:
            self.prefix = self._stack.enter_context(tempfile.TemporaryDirectory()) + "/results"
        return self

    def __exit__(self, *reason: object) -> None:
        self._stack.close()

    def path(self, turn: int, iou_type: str) -> Path:
        """Of the file of a turn, from 0."""
        return Path(f"{self.prefix}.turn{turn + 1}.{iou_type}.json")

    def write(self, records: Iterable[Mapping]) -> Seen:
        """Write all files.

        Args:
            records: of :meth:`bmp.evaluation.LoopCocoMetric.process`, one per image.
        """
        seen = Seen()
        files: list[dict[str, TextIO]] = []
        with ExitStack() as stack:
            for record in records:
                seen.add(record)
                people: list[dict] = []
                for turn, found in enumerate(record["turns"]):
                    if turn == len(files):
                        files.append(self._open(turn, stack))
                        seen.num_people.append(0)
                    people = people if found is None else found  # None: as the turn before
                    self._add(files[turn], people, is_first=seen.num_people[turn] == 0)
                    seen.num_people[turn] += len(people)
            for file in (file for kinds in files for file in kinds.values()):
                file.write("]\n")
        paths = [self.path(turn, kind) for turn in range(len(files)) for kind in self.iou_types]
        self._written = {path: file_digest(path) for path in paths}
        self._tell_older()
        return seen

    def _tell_older(self) -> None:
        """Name the files of an evaluation with more turns or kinds, which look like ours."""
        prefix = Path(self.prefix)
        name = re.compile(re.escape(prefix.name) + r"\.turn\d+\.[a-z]+\.json")
        older = [
            path.name
            for path in sorted(prefix.parent.glob("*.json"))
            if name.fullmatch(path.name) and path not in self._written
        ]
        if older:
            print_log(
                f"{', '.join(older)} in {prefix.parent} are of an earlier evaluation, not this one",
                logger="current",
                level=logging.WARNING,
            )

    def _open(self, turn: int, stack: ExitStack) -> dict[str, TextIO]:
        opened = {}
        for iou_type in self.iou_types:
            partial = stack.enter_context(whole_file(self.path(turn, iou_type)))
            opened[iou_type] = stack.enter_context(partial.open("w", encoding="utf-8"))
            opened[iou_type].write("[")
        return opened

    def _add(self, files: Mapping[str, TextIO], people: Sequence[dict], *, is_first: bool) -> None:
        for iou_type, file in files.items():
            results = select_results(people, iou_type, self.ranked_by[iou_type])
            text = ", ".join(json.dumps(result) for result in results)
            file.write(text if is_first or not text else f", {text}")

    def read(self, turn: int, iou_type: str) -> list[dict]:
        """The results of a turn, from 0.

        Raises:
            ValueError: they are not those that were written.
        """
        path = self.path(turn, iou_type)
        if file_digest(path) != self._written[path]:
            raise ValueError(
                f"another evaluation has just written {path}: give each evaluation a --work-dir of "
                "its own and the same command again, what was predicted is kept"
            )
        return read_results(path, compact=True)
