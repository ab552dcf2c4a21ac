"""Loading a config: options set, paths from the project root, misspelt keys refused."""

import difflib
from collections.abc import Iterable
from json import JSONDecodeError
from pathlib import Path
from typing import Any, NoReturn

from mmengine.config import Config
from yaml import YAMLError

from .knobs import another_value, find_knobs, load_with_knobs

# What the runner and the tools read. Other top-level names are a config's own variables
# (mmengine keeps every variable of the file), unless they look like one of these misspelt.
KNOWN_KEYS = frozenset(
    [
        *("model", "train_dataloader", "val_dataloader", "test_dataloader", "data_preprocessor"),
        *("train_cfg", "val_cfg", "test_cfg", "val_evaluator", "test_evaluator", "cfg"),
        *("optim_wrapper", "param_scheduler", "auto_scale_lr", "default_hooks", "custom_hooks"),
        *("work_dir", "load_from", "load_from_allow", "checkpoint", "resume", "launcher"),
        *("env_cfg", "log_processor", "log_level", "visualizer", "vis_backends", "default_scope"),
        *("randomness", "experiment_name", "custom_imports", "find_unused_parameters"),
        *("model_wrapper_cfg", "sync_bn", "device"),
        *("compile", "channels_last", "activation_checkpointing", "efficient_conv_bn_eval"),
    ]
)
# Keys whose relative paths start at the project root, wherever they stand in the config.
ROOT_PATHS = ("work_dir", "load_from", "checkpoint", "data_root", "pretrained_file")
ROOT_PATHS += ("box_file", "ids_file")
CONFIG_SUFFIXES = (".py", ".json", ".yaml", ".yml")
SIMILARITY = 0.85  # difflib ratio from which an unknown key counts as misspelt


def find_project_root(path: str | Path) -> Path:
    """The folder that holds ``configs/``; for a config outside such a folder, its own folder."""
    folders = Path(path).resolve().parents
    return next((folder.parent for folder in folders if folder.name == "configs"), folders[0])


def check_keys(keys: list[str]) -> None:
    """Refuse misspelt top-level keys.

    Args:
        keys: of the config; names that resemble no known key are its own variables.

    Raises:
        ValueError: with the key that was probably meant.
    """
    for key in keys:
        if key in KNOWN_KEYS or key.startswith("_"):
            continue
        meant = difflib.get_close_matches(key, KNOWN_KEYS, n=1, cutoff=SIMILARITY)
        if meant:
            raise ValueError(f"unknown config key {key!r}; did you mean {meant[0]!r}?")


def _is_relative_path(value: Any) -> bool:
    # {checkpoint} of an ablation stands for a path that is not known yet
    if not isinstance(value, str) or not value or "://" in value or value[0] == "{":
        return False
    return not Path(value).is_absolute()


def _is_weights_name(key: str, value: str) -> bool:
    """Whether ``checkpoint`` names published or shipped weights instead of a path."""
    return key == "checkpoint" and "/" not in value


def resolve_paths(node: Any, root: Path) -> None:
    """Make the relative paths of a config absolute, in place.

    ``ann_file``, ``bbox_file`` and the entries of ``data_prefix`` follow a ``data_root`` beside
    them (the data set joins these); without one they start at the root too.
    """
    if isinstance(node, list | tuple):
        for item in node:
            resolve_paths(item, root)
    if not isinstance(node, dict):
        return
    for key, value in list(node.items()):
        starts_at_root = key in ROOT_PATHS or (
            key in ("ann_file", "bbox_file") and not node.get("data_root")
        )
        if starts_at_root and _is_relative_path(value) and not _is_weights_name(key, value):
            node[key] = str(root / value)
        elif key == "data_prefix" and not node.get("data_root"):
            node[key] = {
                name: str(root / folder) if _is_relative_path(folder) else folder
                for name, folder in value.items()
            }
        else:
            resolve_paths(value, root)


def load_config(path: str | Path, cfg_options: dict | None = None) -> Config:
    """Load a config file.

    Args:
        path: Python config of mmengine, inheriting by ``_base_``.
        cfg_options: values to replace, dotted keys: a knob of the file (``alpha``,
            ``codec.type``: all that the file derives from it follows), a part of the model
            (``loop.num_iters``, short for ``model.loop.num_iters``), or any other place
            (``train_cfg.max_iters``). Places are set last.

    Returns:
        The config, every relative ``data_root``, ``work_dir``, ``load_from``, ... resolved
        against the project root (the folder that holds ``configs/``).

    Raises:
        FileNotFoundError: there is no such config; with the nearest names.
        ValueError: see :func:`read_config`; or a misspelt key, a knob that no part reads, an
            option for a variable of the file that is no knob.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no config {path}{name_similar(path)}")
    # first as it is: then an error below can only come from the options
    config = read_config(path)
    check_keys(list(config))
    if cfg_options:
        knobs = find_knobs(path)
        turned = {key: value for key, value in cfg_options.items() if _top(key) in knobs}
        _refuse_unread(path, config, {_top(key) for key in turned}, knobs)
        if turned:
            config = load_with_knobs(path, turned)
        # after the knobs, which run the file again and would undo them
        places = {key: value for key, value in cfg_options.items() if key not in turned}
        merge_options(config, places, knobs)
    resolve_paths(config._cfg_dict, find_project_root(path))
    return config


def read_config(path: Path) -> Config:
    """A file as mmengine reads it, whose errors do not name it.

    Raises:
        ValueError: it has another ending, or is no Python, JSON or YAML.
    """
    if path.suffix not in CONFIG_SUFFIXES:
        endings = ", ".join(CONFIG_SUFFIXES)
        raise ValueError(f"{path} is no config: these end in {endings}; see configs/")
    try:
        return Config.fromfile(str(path))
    except SyntaxError as error:
        told = f"the config {path} or a base of it is no Python: line {error.lineno}, {error.msg}"
        raise ValueError(told) from error
    except NameError as error:
        raise ValueError(f"the config {path} or a base of it: {error}") from error
    except (JSONDecodeError, YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"the config {path} cannot be read: {reason}") from error


def _top(key: str) -> str:
    return key.split(".")[0]


def _parts(config: Config) -> dict[str, Any]:
    """What the runner and the tools read, without the file's variables."""
    return {key: value for key, value in config.items() if key in KNOWN_KEYS}


def _is_read(path: Path, config: Config, name: str) -> bool:
    """Whether some part depends on a knob: another value changes it or is refused."""
    try:
        # tried, not read from the source: a knob may act through bases, f-strings and functions
        changed = load_with_knobs(path, {name: another_value(config.get(name))})
    except ValueError:
        return True
    return _parts(changed) != _parts(config)


def _refuse_unread(path: Path, config: Config, names: set[str], knobs: dict[str, str]) -> None:
    unread = sorted(name for name in names if not _is_read(path, config, name))
    if unread:
        read = [name for name in knobs if _is_read(path, config, name)]
        raise ValueError(
            f"no part of {path.name} reads {', '.join(unread)}, so the option would change "
            f"nothing; knobs that are read: {', '.join(read) or 'none'}"
        )


def describe_knobs(path: str | Path) -> str:
    """The knobs of a config that a part reads, each with its value and meaning, for people."""
    path = Path(path)
    load_config(path)  # refuses what is no config
    config, knobs = read_config(path), find_knobs(path)
    read = [name for name in knobs if _is_read(path, config, name)]
    lines = [f"{name}={config[name]}\n    {knobs[name]}" for name in read]
    parts = ", ".join(_model_parts(config)) or "none"
    return "\n".join([*lines, f"parts of the model, to be named without model.: {parts}"])


def _model_parts(config: Config) -> list[str]:
    model = config.get("model")
    if not isinstance(model, dict):
        return []
    return [
        key for key, value in model.items() if isinstance(value, dict) and key not in KNOWN_KEYS
    ]


def merge_options(config: Config, options: dict[str, Any], knobs: Iterable[str] = ()) -> None:
    """Set values in a loaded config, in place.

    Args:
        config: whose file has run, so that its variables, knobs among them, have no more effect.
        options: see :func:`load_config`.
        knobs: names to suggest for a misspelt key.

    Raises:
        ValueError: a key is misspelt, a variable, or leads through what has no keys.
    """
    parts = _model_parts(config)
    # mmengine would set them and nothing would follow: the file has used their values
    variables = {_top(key) for key in options} & set(config) - KNOWN_KEYS - set(parts)
    if variables:
        raise ValueError(
            f"{sorted(variables)} are variables of {Path(config.filename or 'the config').name}, "
            "already put in where they are used; change those places, such as "
            f"model.head.decoder.type for a codec{_tell_knobs(knobs)}"
        )
    places = {}
    for key, value in options.items():
        if _top(key) not in KNOWN_KEYS and not key.startswith("_"):
            if _top(key) not in parts:
                _refuse_key(_top(key), [*KNOWN_KEYS, *knobs, *parts], knobs)
            key = f"model.{key}"
        _check_place(config._cfg_dict, key)
        places[key] = value
    config.merge_from_dict(places)


def _tell_knobs(knobs: Iterable[str]) -> str:
    return f" (knobs of the config: {', '.join(knobs)})" if knobs else ""


def _refuse_key(key: str, known: list[str], knobs: Iterable[str]) -> NoReturn:
    meant = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    hint = f"; did you mean {meant[0]!r}?" if meant else f"; known are {sorted(known)}"
    raise ValueError(f"unknown config key {key!r}{hint}{_tell_knobs(knobs)}")


def _check_place(node: Any, key: str) -> None:
    """Refuse a dotted key that leads nowhere. The last name may be new: its class judges it."""
    names = key.split(".")
    for depth, name in enumerate(names):
        where = ".".join(names[:depth])
        if isinstance(node, list):
            if not name.isdigit() or int(name) >= len(node):
                raise ValueError(
                    f"{where} is a list of {len(node)}; {name!r} is none of its places"
                )
            node = node[int(name)]
        elif not isinstance(node, dict):
            raise ValueError(f"{where} is {node!r}, which has no key {name!r}")
        elif name not in node:
            meant = difflib.get_close_matches(name, map(str, node), n=1, cutoff=SIMILARITY)
            # the last name may be new, so only names before it can be misspelt for certain
            if meant and depth + 1 < len(names):
                raise ValueError(f"{where} has no key {name!r}; did you mean {meant[0]!r}?")
            return
        else:
            node = node[name]


def name_similar(path: Path) -> str:
    """The configs that a wrong path may mean, or an example, for the end of a message."""
    near = (folder for folder in path.parents if "configs" in folder.parts and folder.is_dir())
    found = [*path.parent.glob("*.py"), *next(near, Path("configs")).rglob("*.py")]
    names = {file.name: file for file in found}
    similar = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    if not similar:
        return "; give the path of a file, as they lie below configs/"
    return f"; similar: {', '.join(str(names[name]) for name in similar)}"
