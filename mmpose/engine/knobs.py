"""Knobs: variables of a config file that options set before anything is derived from them.

A file puts ``alpha = 0.25`` into several pipelines while it runs; set afterwards, the variable
would change none of them. So a file declares beside its variables which of them are knobs,

    __knobs__ = {"alpha": "how dark the background is"}

and with an option for one the file and its bases run again, the value set after each assignment.
"""

import ast
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

# a dunder name: mmengine leaves it out of the config, so bases may all have one
DECLARATION, BASES = "__knobs__", "_base_"


def find_knobs(path: str | Path) -> dict[str, str]:
    """The knobs that a config and its bases declare: what each means, by name.

    Raises:
        ValueError: a declaration is not a dict of texts written out.
    """
    path, meanings = Path(path), {}
    if path.suffix != ".py":
        return meanings
    for node in _parse(path).body:
        if BASES in _assigned(node):
            for base in _own_bases(path, node):
                meanings |= find_knobs(base)
        elif DECLARATION in _assigned(node):
            try:
                meanings |= ast.literal_eval(node.value)
            except (TypeError, ValueError):
                raise ValueError(
                    f'{path}: {DECLARATION} must be written out, {{"name": "what it means"}}'
                ) from None
    return meanings


def load_with_knobs(path: str | Path, values: dict[str, Any]) -> Config:
    """Load a config whose variables have other values, and with them all derived from them.

    Args:
        path: of a Python config that loads as it is.
        values: by name of a variable or, inside a dict or list, by dotted key
            (``codec.type``). A dict is merged, as mmengine does; ``_delete_`` replaces.

    Raises:
        ValueError: a value is no plain data, or the file fails with it.
    """
    settings: dict[str, list[ast.stmt]] = {}
    for key, value in _flatten(values):
        settings.setdefault(key.split(".")[0], []).extend(_assignment(key, value))
    with tempfile.TemporaryDirectory() as folder:
        copy = _write_copy(Path(path), settings, folder)
        try:
            config = Config.fromfile(copy)
        except Exception as error:  # it runs as it is: the values are to blame
            told = ", ".join(f"{key}={value!r}" for key, value in values.items())
            raise ValueError(
                f"{Path(path).name} cannot have {told}: {type(error).__name__}: {error}"
            ) from error
    return Config(config._cfg_dict, cfg_text=config.text, filename=str(path))


def another_value(value: Any) -> Any:
    """Some value of the same kind that differs, to see what depends on a variable."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, dict):
        return {"another": True}  # merged: one key more
    return value * 2 if value and isinstance(value, str | list | tuple) else "another"


def _parse(path: Path) -> ast.Module:
    text = path.read_text(encoding="utf-8")
    # mmengine would put in the folder of the copy
    text = re.sub(r"\{\{\s*fileDirname\s*\}\}", lambda _: path.parent.as_posix(), text)
    return ast.parse(text, str(path))


def _assigned(node: ast.AST) -> set[str]:
    """Names that a statement assigns."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    else:
        return set()
    names = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    return {part.id for part in names if isinstance(part.ctx, ast.Store)}


def _bases(node: ast.stmt) -> list[str]:
    bases = ast.literal_eval(node.value)
    return [bases] if isinstance(bases, str) else bases


def _own_bases(path: Path, node: ast.stmt) -> list[Path]:
    """Files of the ``_base_`` of a config, but for those of installed packages."""
    return [path.parent / base for base in _bases(node) if "::" not in base]


def _flatten(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and what stands there; dicts are taken apart unless they replace."""
    for key, value in values.items():
        if not isinstance(value, dict):
            yield prefix + key, value
        elif value.get("_delete_"):
            yield prefix + key, {k: v for k, v in value.items() if k != "_delete_"}
        else:
            yield from _flatten(value, f"{prefix}{key}.")


def _assignment(key: str, value: Any) -> list[ast.stmt]:
    name, *inner = key.split(".")
    place = name + "".join(f"[{part if part.isdigit() else repr(part)}]" for part in inner)
    try:
        is_plain = ast.literal_eval(repr(value)) == value
    except (SyntaxError, ValueError):
        is_plain = False
    if not is_plain:
        raise ValueError(
            f"a knob takes numbers, texts, None, lists, tuples and dicts of them, "
            f"got {key}={value!r}"
        )
    return ast.parse(f"{place} = {value!r}").body


def _write_copy(path: Path, settings: dict[str, list[ast.stmt]], folder: str) -> str:
    """Write a config and its bases with the settings; where the copy is."""
    if path.suffix != ".py":  # data without variables
        return str(path.resolve())
    tree = _parse(path)
    for node in tree.body:
        if BASES in _assigned(node):
            copies = [
                base if "::" in base else _write_copy(path.parent / base, settings, folder)
                for base in _bases(node)
            ]
            node.value = ast.parse(repr(copies), mode="eval").body
    tree = ast.fix_missing_locations(_SetAfter(settings).visit(tree))
    # a folder each: mmengine may put the file's name into the config
    copy = Path(tempfile.mkdtemp(dir=folder)) / path.name
    copy.write_text(ast.unparse(tree), encoding="utf-8")
    return str(copy)


class _SetAfter(ast.NodeTransformer):
    """Puts statements after each assignment to a name, outside functions."""

    def __init__(self, settings: dict[str, list[ast.stmt]]) -> None:
        self.settings = settings

    def _set(self, node: ast.stmt) -> list[ast.stmt]:
        # {{_base_.x}} is a text until the file has run; the base has the value already
        if isinstance(node.value, ast.Set):
            return [node]
        names = sorted(_assigned(node) & set(self.settings))
        return [node, *(statement for name in names for statement in self.settings[name])]

    visit_Assign = visit_AnnAssign = visit_AugAssign = _set

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Leave a function's own variables alone."""
        return node
