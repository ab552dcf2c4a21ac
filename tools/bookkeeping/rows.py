"""Rows of the ledger: a command, what it reads, and the numbers that it gave last."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mmpose.files import write_json
from mmpose.project import PROJECT_ROOT

LEDGER = PROJECT_ROOT / "docs" / "ledger.json"

TEST, SWEEP = "tools/test.py", "tools/sweep_scores.py"
TOOLS = (TEST, SWEEP)

Value = float | int | None


@dataclass
class Tolerance:
    """By how much a number may differ before it counts as moved.

    Attributes:
        share: of numbers with a fraction: AP, IoU, shares; in their own unit, so 0.002 is 0.2 %.
        count: of whole numbers: people, images.
    """

    share: float = 0.002
    count: int = 3


@dataclass
class Row:
    """One command whose numbers we state, or that a paper states.

    Attributes:
        id: its name.
        what: it measures, in words.
        config: that the tool reads, relative to the project.
        tool: that gives the numbers, one of `TOOLS`.
        options: values for ``--cfg-options``.
        checkpoint: weights, where they are not the config's own.
        how_to_get: how these weights come into being, where they are not published by us.
        published: numbers that a paper states, by the name the command gives them; AP in [0, 1].
        source: who states them, and under which conditions.
        tolerance: see `Tolerance`.
        minutes: how long it takes on two cores; None where it never ran.
        date: of the last values, ISO; None where it never ran.
        data: sha256 of each set of images with its annotations, by the annotation file.
        weights: sha256 of each file of weights, by its name.
        values: last numbers by name. The names say which numbers of the command count.
    """

    id: str
    what: str
    config: str
    tool: str = TEST
    options: list[str] = field(default_factory=list)
    checkpoint: str | None = None
    how_to_get: str | None = None
    published: dict[str, float] = field(default_factory=dict)
    source: str | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)
    minutes: float | None = None
    date: str | None = None
    data: dict[str, str] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """What stands behind ``python`` on the command line."""
        options = ["--cfg-options", *self.options] if self.options else []
        checkpoint = [self.checkpoint] if self.checkpoint else []
        return [self.tool, self.config, *checkpoint, *options]

    def command(self) -> str:
        """The command line, to be run in the project's folder."""
        quoted = (f"'{text}'" if " " in text or "[" in text else text for text in self.arguments())
        return " ".join(["python", *quoted])


def read_ledger(path: Path = LEDGER) -> list[Row]:
    """All rows, in the file's order.

    Raises:
        ValueError: a row has an unknown key or tool or lacks a key, or two rows share an id.
    """
    rows = []
    for record in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        try:
            tolerance = Tolerance(**record.get("tolerance", {}))
            rows.append(Row(**{**record, "tolerance": tolerance}))
        except TypeError as error:
            raise ValueError(f"row {record.get('id')!r} of {path}: {error}") from error
    ids = [row.id for row in rows]
    unknown = [row.id for row in rows if row.tool not in TOOLS]
    if unknown:
        raise ValueError(f"the tools of the rows {unknown} of {path} are none of {TOOLS}")
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"{path} has several rows {twice}; give each an id of its own")
    return rows


def write_ledger(rows: list[Row], path: Path = LEDGER) -> None:
    """Write all rows, whole or not at all; what a row lacks is left out."""
    records = [without_defaults(row) for row in rows]
    write_json(path, {"rows": records}, indent=2)


def without_defaults(row: Row) -> dict:
    """A row as a dict without what it lacks; its tolerance is always said."""
    bare = asdict(Row(id="", what="", config=""))
    kept = {key: value for key, value in asdict(row).items() if value != bare[key]}
    return kept | {"tolerance": asdict(row.tolerance)}


def select_rows(rows: list[Row], ids: list[str] | None) -> list[Row]:
    """The rows of these ids; all for None.

    Raises:
        ValueError: there is no such row; the message lists the ids.
    """
    known = [row.id for row in rows]
    unknown = sorted(set(ids or ()) - set(known))
    if unknown:
        raise ValueError(f"the ledger has no rows {unknown}; it has {', '.join(known)}")
    return [row for row in rows if ids is None or row.id in ids]
