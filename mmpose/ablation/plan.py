"""From the file of an ablation to runs: resolved configs, identities, and what differs."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from mmpose.engine.config import (
    KNOWN_KEYS,
    find_project_root,
    load_config,
    merge_options,
    resolve_paths,
)
from mmpose.engine.config_difference import differences
from mmpose.engine.knobs import find_knobs

from .definition import BASE, Ablation, Link
from .identity import Identifier, hash_of

SHORT = 8
MAX_NAME = 120  # characters of a row in a folder's name; products have long ones

Check = Callable[[Config], None]
"""Refuses a config of which a class of the project can tell that it is wrong."""


@dataclass(frozen=True)
class Step:
    """One call of a tool.

    Attributes:
        name: of its folder in that of the run.
        task: ``train`` or ``test``.
        config: resolved, plain data.
        content: what of it decides numbers.
    """

    name: str
    task: str
    config: Mapping[str, Any]
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A row of the table with one seed.

    Attributes:
        change: name of the row.
        seed: of all random numbers.
        options: what the row sets.
        steps: in order.
        hash: identity, 64 hexadecimal digits.
        num_processes: of every step.
    """

    change: str
    seed: int
    options: Mapping[str, Any]
    steps: Sequence[Step]
    hash: str
    num_processes: int = 1

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.change[:MAX_NAME]}-{self.seed}-{self.hash[:SHORT]}"


@dataclass(frozen=True)
class Plan:
    """All runs of an ablation.

    Attributes:
        ablation: as read.
        runs: base first, then row by row; seeds of a row together. A point of a grid that is the
            base has no row of its own.
        base_hash: of the base apart from its seed.
    """

    ablation: Ablation
    runs: Sequence[Run]
    base_hash: str

    def rows(self) -> dict[str, list[Run]]:
        """Runs by row, the base first."""
        rows: dict[str, list[Run]] = {}
        for run in self.runs:
            rows.setdefault(run.change, []).append(run)
        return rows

    def difference(self, run: Run) -> dict[str, tuple[Any, Any]]:
        """What decides the numbers of a run and is other than in the base with its seed."""
        base = next(other for other in self.runs if other.change == BASE and other.seed == run.seed)
        found: dict[str, tuple[Any, Any]] = {}
        for before, after in zip(base.steps, run.steps, strict=True):
            found |= differences(before.content, after.content)
        return found


def make_plan(
    ablation: Ablation,
    identifier: Identifier,
    *,
    num_processes: int = 1,
    check: Check | None = None,
) -> Plan:
    """Resolve all rows.

    Args:
        ablation: as read.
        identifier: says what decides numbers.
        num_processes: of every run; batches of a training grow with it.
        check: looks at each resolved config.

    Raises:
        ValueError: the base does not load, or a row names an unknown key, changes nothing or is
            the same as another one.
    """
    makers = [_Maker(link, ablation, check) for link in ablation.chain]
    runs: list[Run] = []
    base_steps: list[Step] = []
    for change, options in [(BASE, {}), *ablation.changes.items()]:
        configs = []
        for maker in makers:
            try:
                configs.append(maker.config(options))
            except (ValueError, FileNotFoundError) as error:
                where = f"the base {maker.path}" if change == BASE else f"the change {change!r}"
                raise ValueError(f"{ablation.name}: {where}: {error}") from error
        steps = _steps(ablation.chain, configs, identifier)
        base_steps = steps if change == BASE else base_steps
        for seed in ablation.seeds:
            seeded = [_with_seed(step, seed) for step in steps]
            identity = _identity(seeded, num_processes)
            runs.append(Run(change, seed, options, seeded, identity, num_processes))
    runs = _without_base(ablation, runs)
    _refuse_equal(ablation, runs)
    return Plan(ablation, runs, _identity(base_steps, num_processes))


class _Maker:
    """Makes the configs of one step; the file is read once unless a knob is turned."""

    def __init__(self, link: Link, ablation: Ablation, check: Check | None) -> None:
        self.path = ablation.base if link.config is None else link.config
        self.is_base = link.config is None
        self.options = {**(ablation.options if self.is_base else {}), **link.options}
        self.check = check
        self._plain: Config | None = None
        self._knobs: set[str] = set()

    def config(self, changes: Mapping[str, Any]) -> Config:
        """The config with the row's changes, if it is the base; with its own options anyway."""
        if self._plain is None:
            self._plain = load_config(self.path)
            self._knobs = set(find_knobs(self.path))
        # copied: mmengine takes ``_delete_`` out of what it merges
        options = copy.deepcopy({**self.options, **(changes if self.is_base else {})})
        if any(key.split(".")[0] in self._knobs for key in options):
            config = load_config(self.path, options)
        else:
            config = Config(copy.deepcopy(self._plain._cfg_dict), filename=self._plain.filename)
            merge_options(config, options, self._knobs)
            resolve_paths(config._cfg_dict, find_project_root(self.path))
        if self.check is not None:
            self.check(config)
        return config


def _steps(chain: Sequence[Link], configs: Sequence[Config], identifier: Identifier) -> list[Step]:
    """The steps of a row apart from its seed."""
    steps = []
    for number, (link, config) in enumerate(zip(chain, configs, strict=True), start=1):
        # the file's own variables are used up; without them nothing can be mistaken for a key
        parts = {key: value for key, value in config.items() if key in KNOWN_KEYS}
        plain = Config(parts).to_dict()
        content = identifier.content(plain, link.task)
        steps.append(Step(f"{number}-{link.task}", link.task, plain, content))
    return steps


def _with_seed(step: Step, seed: int) -> Step:
    """A step with a seed, which replaces that of its config."""
    randomness = {**(step.config.get("randomness") or {}), "seed": seed}
    content = {**(step.content.get("randomness") or {}), "seed": seed}
    return Step(
        step.name,
        step.task,
        {**step.config, "randomness": randomness},
        {**step.content, "randomness": content},
    )


def _identity(steps: Sequence[Step], num_processes: int) -> str:
    # a test gives the same with any number of processes
    trains = any(step.task == "train" for step in steps)
    content = [[step.task, step.content] for step in steps]
    return hash_of([content, num_processes if trains else 1])


def _without_base(ablation: Ablation, runs: Sequence[Run]) -> list[Run]:
    """Without that point of a grid that is the base, which has a row already."""
    base = {run.hash for run in runs if run.change == BASE}
    return [run for run in runs if run.change not in ablation.grid or run.hash not in base]


def _refuse_equal(ablation: Ablation, runs: Sequence[Run]) -> None:
    first: dict[str, Run] = {}
    for run in runs:
        other = first.setdefault(run.hash, run)
        if other is run:
            continue
        if other.change != BASE:
            raise ValueError(
                f"{ablation.name}: {other.change!r} and {run.change!r} are the same run; drop one"
            )
        raise ValueError(
            f"{ablation.name}: the change {run.change!r} changes nothing that decides a number: "
            f"{dict(run.options)}; the base has these values, or its task does not read them"
        )
