"""Reading the file of an ablation: plain config data, checked before anything runs."""

import ast
import difflib
import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmpose.engine.config import find_project_root, name_similar, read_config

from .run_folder import CHECKPOINT

BASE = "base"
TASKS = ("train", "test")
NAME = re.compile(r"[\w.+=,-]+")
"""Names of changes are parts of folder names."""
LAST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Link:
    """One step of a run.

    Attributes:
        task: ``train`` or ``test``.
        config: its config file; None: the base, with the change.
        options: set in that config; ``{checkpoint}`` stands for what the training before gave.
    """

    task: str
    config: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ablation:
    """What a file says.

    Attributes:
        name: of the file.
        base: config that all rows start from.
        options: set in the base and in every row.
        changes: options of each row by its name; the base itself is not among them.
        grid: names of those that ``product`` made.
        seeds: each row runs with each of them.
        show: numbers of the table; ``*`` stands for anything, the last fitting one counts.
        chain: steps of a run.
    """

    name: str
    base: Path
    options: Mapping[str, Any]
    changes: Mapping[str, Mapping[str, Any]]
    grid: frozenset[str]
    seeds: Sequence[int]
    show: Sequence[str]
    chain: Sequence[Link]


KEYS = ("base", "options", "changes", "product", "seeds", "show", "task", "chain")


def read_ablation(path: str | Path) -> Ablation:
    """Read the file of an ablation.

    Args:
        path: of plain config data: ``base``, ``changes`` (options by name) or ``product`` (values
            by option, for all combinations), and maybe ``options``, ``seeds``, ``show``, ``task``
            or ``chain``. Paths start at the project root.

    Raises:
        FileNotFoundError: there is no such file, or it names a config that is not there.
        ValueError: an entry is unknown, missing, empty or given twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no ablation {path}{name_similar(path)}")
    # a plain dict: mmengine's own would answer for missing keys
    content = read_config(path).to_dict()
    if path.suffix == ".py":
        _refuse_names_twice(path)
    _check_entries(path, content)
    root = find_project_root(path)
    steps = content.get("chain") or [content.get("task", "test")]
    if not isinstance(steps, list | tuple):
        raise ValueError(f'{path}: chain must be a list of steps, ["train", "test"], got {steps!r}')
    chain = [_link(entry, root, path) for entry in steps]
    _check_checkpoints(chain, path)
    return Ablation(
        name=path.stem,
        base=_config(root, content["base"], path),
        options=_options(content.get("options", {}), "options", path),
        changes=_changes(content, path),
        grid=frozenset(name for name, _ in _combinations(content.get("product") or {}, path)),
        seeds=_seeds(content.get("seeds", [0]), path),
        show=_list_of_names(content.get("show", []), "show", path),
        chain=chain,
    )


def _refuse_names_twice(path: Path) -> None:
    """A dict keeps the last of two equal keys without a word: read the source."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if not isinstance(node, ast.Dict):
            continue
        keys = Counter(key.value for key in node.keys if isinstance(key, ast.Constant))
        twice = [key for key, count in keys.items() if count > 1]
        if twice:
            raise ValueError(
                f"{path}, line {node.lineno}: {twice[0]!r} stands there twice, and only the last "
                "would count; give each its own name"
            )


def _check_entries(path: Path, content: Mapping[str, Any]) -> None:
    for key in content:
        near = difflib.get_close_matches(key, KEYS, n=1)
        if key not in KEYS and not key.startswith("_"):
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(KEYS)}"
            raise ValueError(f"{path}: unknown entry {key!r}; {hint}")
    if not isinstance(content.get("base"), str):
        raise ValueError(f'{path} names no base; write base = "configs/....py"')
    if "task" in content and "chain" in content:
        raise ValueError(f"{path} has a task and a chain; keep the chain, whose steps are tasks")


def _check_checkpoints(chain: Sequence[Link], path: Path) -> None:
    has_trained = False
    for link in chain:
        if CHECKPOINT in repr(link.options) and not has_trained:
            raise ValueError(f"{path}: {CHECKPOINT} needs a training before it in the chain")
        has_trained |= link.task == "train"


def _config(root: Path, name: Any, path: Path) -> Path:
    if not isinstance(name, str):
        raise ValueError(f"{path}: a config is named by its path, got {name!r}")
    found = next((place for place in (root / name, Path(name)) if place.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"{path} names the config {name}, which is not in {root}")
    return found.resolve()


def _changes(content: Mapping[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    given = content.get("changes") or {}
    pairs = list(given.items()) if isinstance(given, Mapping) else given
    if not _are_pairs(pairs):
        raise ValueError(
            f'{path}: changes must be a dict, {{"name": {{"key": value}}}}, or a list of such '
            f"(name, options), got {given!r}"
        )
    pairs = [*pairs, *_combinations(content.get("product") or {}, path)]
    if not pairs:
        raise ValueError(f'{path} has no changes; write changes = {{"name": {{"key": value}}}}')
    changes: dict[str, dict[str, Any]] = {}
    for name, options in pairs:
        if not isinstance(name, str) or not NAME.fullmatch(name) or name == BASE:
            raise ValueError(
                f"{path}: {name!r} cannot name a change: take letters, digits and . + = , - _, and "
                f"leave {BASE!r} to the base"
            )
        if name in changes:
            raise ValueError(f"{path}: two changes are named {name!r}; give each its own name")
        if not isinstance(options, Mapping) or not options:
            raise ValueError(f"{path}: {name!r} must change some key, got {options!r}")
        changes[name] = _options(options, f"the change {name!r}", path)
    return changes


def _are_pairs(pairs: Any) -> bool:
    return isinstance(pairs, list | tuple) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs
    )


def _options(options: Any, what: str, path: Path) -> dict[str, Any]:
    """Options whose keys are texts and whose values a file of a run can hold."""
    if not isinstance(options, Mapping):
        raise ValueError(f'{path}: {what} must be a dict, {{"key": value}}, got {options!r}')
    for key, value in options.items():
        if not isinstance(key, str) or not all(key.split(".")):
            raise ValueError(f"{path}: {what} has the key {key!r}; write names with dots between")
        if not _is_plain(value):
            raise ValueError(
                f"{path}: {what} sets {key!r} to {value!r}; take numbers, texts, None, lists and "
                "dicts, and the name of a class for an object"
            )
    return dict(options)


def _is_plain(value: Any) -> bool:
    """Whether its text makes the same value again; that of inf and nan does not."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str | int) and _is_plain(v) for key, v in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)


def _combinations(product: Any, path: Path) -> list[tuple[str, dict]]:
    if not isinstance(product, Mapping):
        raise ValueError(f'{path}: product must be a dict, {{"key": [values]}}, got {product!r}')
    for key, values in product.items():
        if not isinstance(values, list | tuple) or not values:
            raise ValueError(f"{path}: product needs a list of values for {key!r}, got {values!r}")
    rows = [
        dict(zip(product, values, strict=True)) for values in itertools.product(*product.values())
    ]
    return [(_name_of(options), options) for options in rows if options]


def _name_of(options: Mapping[str, Any]) -> str:
    """The name of a combination: last parts of keys, and values."""
    shorts = Counter(str(key).rsplit(".", 1)[-1] for key in options)
    parts = []
    for key, value in options.items():
        short = str(key).rsplit(".", 1)[-1]
        parts.append(f"{short if shorts[short] == 1 else key}={value}")
    return re.sub(r"[^\w.+=,-]+", "-", ",".join(parts))


def _seeds(seeds: Any, path: Path) -> list[int]:
    is_list = isinstance(seeds, list | tuple) and all(type(seed) is int for seed in seeds)
    if not is_list or not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"{path}: seeds must be different whole numbers, [0, 1, 2], got {seeds!r}")
    if min(seeds) < 0 or max(seeds) > LAST_SEED:
        raise ValueError(f"{path}: seeds must lie in [0, {LAST_SEED}], as numpy's, got {seeds!r}")
    return list(seeds)


def _list_of_names(names: Any, key: str, path: Path) -> list[str]:
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path}: {key} must be a list of names, got {names!r}")
    return list(dict.fromkeys(names))


def _link(entry: Any, root: Path, path: Path) -> Link:
    entry = {"task": entry} if isinstance(entry, str) else entry
    is_link = isinstance(entry, Mapping) and set(entry) <= {"task", "config", "options"}
    if not is_link or entry.get("task") not in TASKS:
        raise ValueError(
            f"{path}: a step of the chain is one of {TASKS} or "
            f"dict(task=..., config=..., options=...), got {entry!r}"
        )
    config = entry.get("config")
    place = None if config is None else _config(root, config, path)
    return Link(entry["task"], place, _options(entry.get("options", {}), "a step's options", path))
