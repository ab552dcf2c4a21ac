"""Loading a config: paths from the project root, misspelt keys refused."""

import difflib
from pathlib import Path
from typing import Any

from mmengine.config import Config

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
    ]
)
# Keys whose relative paths start at the project root, wherever they stand in the config.
ROOT_PATHS = ("work_dir", "load_from", "checkpoint", "data_root", "pretrained_file")
SIMILARITY = 0.85  # difflib ratio from which an unknown key counts as misspelt


def find_project_root(path: str | Path) -> Path:
    """The folder that holds ``configs/``; for a config outside such a folder, its own folder."""
    folders = Path(path).resolve().parents
    return next((folder.parent for folder in folders if folder.name == "configs"), folders[0])


def check_keys(keys: list[str], *, is_strict: bool = False) -> None:
    """Refuse misspelt top-level keys.

    Args:
        keys: of the config.
        is_strict: refuse every unknown key, not only those that resemble a known one.

    Raises:
        ValueError: with the key that was probably meant.
    """
    for key in keys:
        if key in KNOWN_KEYS or key.startswith("_"):
            continue
        meant = difflib.get_close_matches(
            key, KNOWN_KEYS, n=1, cutoff=0.6 if is_strict else SIMILARITY
        )
        if meant or is_strict:
            hint = f"; did you mean {meant[0]!r}?" if meant else f"; known are {sorted(KNOWN_KEYS)}"
            raise ValueError(f"unknown config key {key!r}{hint}")


def _is_relative_path(value: Any) -> bool:
    if not isinstance(value, str) or not value or "://" in value:
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
        cfg_options: values to replace, dotted keys (``{"train_cfg.max_iters": 10}``).

    Returns:
        The config, every relative ``data_root``, ``work_dir``, ``load_from``, ... resolved
        against the project root (the folder that holds ``configs/``).

    Raises:
        FileNotFoundError: there is no such config; with the nearest names.
        ValueError: a misspelt top-level key, or an option for a variable of the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no config {path}{_name_similar(path)}")
    config = Config.fromfile(str(path))
    check_keys(list(config))
    if cfg_options:
        tops = {key.split(".")[0] for key in cfg_options}
        check_keys([key for key in tops if key not in config], is_strict=True)
        variables = sorted(key for key in tops - KNOWN_KEYS if not key.startswith("_"))
        if variables:
            raise ValueError(
                f"{variables} are variables of {path.name}, already put in where they are used; "
                "change those places, such as model.loop.num_iters for loop.num_iters, or "
                "model.head.decoder.type for a codec"
            )
        config.merge_from_dict(cfg_options)
    resolve_paths(config._cfg_dict, find_project_root(path))
    return config


def _name_similar(path: Path) -> str:
    root = next((folder for folder in path.parents if folder.is_dir()), Path())
    if root == Path():
        root = Path("configs")
    names = {file.name: file for file in root.rglob("*.py")} if root.is_dir() else {}
    similar = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    return f"; similar: {', '.join(str(names[name]) for name in similar)}" if similar else ""
