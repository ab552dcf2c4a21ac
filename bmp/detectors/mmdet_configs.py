"""Configs of mmdet as they are published, in our tools.

Importing this (as anything of ``mmpose``) lets mmdet import on mmcv-lite, also by a config's own
imports. Its registries are filled when a config turns out to be one of mmdet's.
"""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

SCOPE = "mmdet"


def names_mmdet(config: Config) -> bool:
    """Whether a config's scope is mmdet's, or one of its classes (``mmdet.DetLocalVisualizer``)."""
    if config.get("default_scope") == SCOPE:
        return True
    return any(name.startswith(f"{SCOPE}.") for name in _types(config._cfg_dict))


def prepare_mmdet(config: Config) -> None:
    """Register mmdet's classes and ours beside them, if the config names mmdet.

    Raises:
        ModuleNotFoundError: it does, and mmdet or mmcv is not installed.
    """
    if names_mmdet(config):
        import bmp.detector_training  # noqa: F401 - registers


def _types(node: Any) -> Iterator[str]:
    """Every ``type`` and ``_scope_`` in a config."""
    if isinstance(node, dict):
        yield str(node.get("type"))
        yield f"{node.get('_scope_')}."
        node = list(node.values())
    if isinstance(node, list | tuple):
        for item in node:
            yield from _types(item)
