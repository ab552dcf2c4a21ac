"""Choosing mutants, those known to change nothing, and the table at the end."""

import random
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from .kinds import Mutant

COLUMNS = ("killed", "timed out", "survived", "equivalent")


@dataclass(frozen=True)
class Equivalent:
    """A mutant that no test can notice.

    Attributes:
        file: relative to the repository.
        line: its line, without indentation.
        becomes: that line with the change.
        reason: why nobody can tell.
    """

    file: str
    line: str
    becomes: str
    reason: str


def read_equivalents(path: Path) -> list[Equivalent]:
    """The entries ``[[mutant]]`` of a TOML file.

    Raises:
        TypeError: an entry has other keys than an `Equivalent`.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
    return [Equivalent(**entry) for entry in entries]


def stale(equivalents: Sequence[Equivalent], root: Path) -> list[Equivalent]:
    """Those whose line is no longer in their file."""
    return [entry for entry in equivalents if entry.line not in _lines(root / entry.file)]


def _lines(path: Path) -> set[str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {line.strip() for line in lines}


def choose(mutants: Mapping[str, Sequence[Mutant]], num: int | None, seed: int) -> list[Mutant]:
    """A sample that takes files in turn, and in each file kinds in turn; no line twice.

    What is drawn of a file depends on the seed and that file alone.

    Args:
        mutants: of each file.
        num: how many at most; None takes all, several a line.
        seed: of the draws.
    """
    if num is None:
        return [mutant for path in mutants for mutant in mutants[path]]
    files = random.Random(seed).sample(sorted(mutants), len(mutants))
    queues = {path: _by_kinds(mutants[path], random.Random(f"{seed} {path}")) for path in files}
    chosen: list[Mutant] = []
    for path in cycle(files):
        if len(chosen) == num or not any(queues.values()):
            break
        if queues[path]:
            chosen.append(queues[path].pop())
    return chosen


def _by_kinds(mutants: Sequence[Mutant], draws: random.Random) -> list[Mutant]:
    shuffled = draws.sample(list(mutants), len(mutants))
    turns: Counter[str] = Counter()
    ranked = []
    for mutant in shuffled:
        ranked.append((turns[mutant.kind], draws.random(), mutant))
        turns[mutant.kind] += 1
    lines: dict[int, Mutant] = {}
    for _, _, mutant in sorted(ranked):
        lines.setdefault(mutant.line, mutant)
    return list(lines.values())[::-1]


def is_known(mutant: Mutant, source: bytes, equivalents: Sequence[Equivalent]) -> bool:
    """Whether a mutant is listed among those that change nothing."""
    known = {(entry.file, entry.line, entry.becomes) for entry in equivalents}
    return (mutant.path, *mutant.lines(source)) in known


def table(outcomes: Mapping[Mutant, str]) -> str:
    """Counts for each file, and the score: of those that change something, who was noticed."""
    counts: dict[str, Counter[str]] = {}
    for mutant, outcome in outcomes.items():
        counts.setdefault(mutant.path, Counter())[outcome] += 1
    total = sum(counts.values(), Counter())
    width = max((len(path) for path in counts), default=4)
    lines = [f"{'file':{width}s}  mutants" + "".join(f"  {name:>10s}" for name in COLUMNS)]
    for path, row in [*sorted(counts.items()), ("all", total)]:
        numbers = "".join(f"  {row[name]:10d}" for name in COLUMNS)
        lines.append(f"{path:{width}s}  {row.total():7d}{numbers}")
    noticed, all_real = total["killed"] + total["timed out"], total.total() - total["equivalent"]
    share = 100 * noticed / all_real if all_real else 100
    return "\n".join([*lines, f"noticed: {noticed} of {all_real} ({share:.1f} %)"])
