"""What one config says that another one does not."""

import ast
import os
import tempfile
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .config import KNOWN_KEYS, find_project_root, resolve_paths
from .knobs import BASES


def flatten(content: Any, place: str = "") -> dict[str, Any]:
    """Values by dotted place; empty lists and dicts are values."""
    if not isinstance(content, dict | list) or not content:
        return {place: content}
    items = content.items() if isinstance(content, dict) else enumerate(content)
    found = {}
    for key, value in items:
        found |= flatten(value, f"{place}.{key}" if place else str(key))
    return found


def differences(first: Any, second: Any) -> dict[str, tuple[Any, Any]]:
    """Places of two contents with other values, ``None`` where one lacks the place."""
    before, after = flatten(first), flatten(second)
    places = dict.fromkeys([*before, *after])
    return {
        place: (before.get(place), after.get(place))
        for place in places
        if before.get(place) != after.get(place) or (place in before) != (place in after)
    }


def value_text(value: Any) -> str:
    """A value of :func:`differences` in a table: a dash where the place is lacking."""
    return "–" if value is None else str(value)


def parts_of(config: Config) -> dict[str, Any]:
    """What the runner and the tools read of a config, as plain dicts, without its variables."""
    return {key: value for key, value in config.to_dict().items() if key in KNOWN_KEYS}


def load_bases(path: str | os.PathLike) -> Config | None:
    """The bases of a config file merged, without what the file itself says.

    Args:
        path: Python config of mmengine.

    Returns:
        The config, its paths resolved as `load_config` does; None where the file has no base.
    """
    path = Path(path)
    bases = _base_names(path)
    if not bases:
        return None
    places = [base if "::" in base else str((path.parent / base).resolve()) for base in bases]
    with tempfile.TemporaryDirectory() as folder:
        joined = Path(folder, "bases.py")
        joined.write_text(f"{BASES} = {places!r}\n", encoding="utf-8")
        config = Config.fromfile(str(joined))
    resolve_paths(config._cfg_dict, find_project_root(path))
    return config


def _base_names(path: Path) -> list[str]:
    if path.suffix != ".py":
        return []
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        names = [target.id for target in getattr(node, "targets", ()) if hasattr(target, "id")]
        if BASES in names:
            bases = ast.literal_eval(node.value)
            return [bases] if isinstance(bases, str) else list(bases)
    return []
