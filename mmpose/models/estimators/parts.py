"""Parts of a pose model from their configs, also those of mmpretrain and mmdet."""

import warnings
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec

from mmengine.logging import print_log
from torch import nn

from mmpose.errors import import_extra
from mmpose.mmcv_ops.finder import leave_out_text_models
from mmpose.registry import MODELS

EXTRA = "openmmlab"
_PACKAGES = {"mmpretrain": "mmpretrain", "mmcls": "mmpretrain", "mmdet": "mmdet"}  # by scope
# published configs name mmpretrain's class; ours has the same weights and names
_SHARED = "mmpretrain.VisionTransformer"


def build_part(part: dict | nn.Module | None) -> nn.Module | None:
    """A part from its config; a ready one, or None, as it is.

    ``mmpretrain.NAME`` (in older configs ``mmcls.NAME``) and ``mmdet.NAME`` are classes of these
    packages. Only ``mmpretrain.VisionTransformer`` is ours, as long as ours takes its settings.

    Raises:
        ImportError: the package is not installed; the message names the extra that brings it.
        ValueError: it has no such class, or ours does not take the settings.
    """
    if not isinstance(part, dict):
        return part
    scope, _, name = str(part.get("type")).partition(".")
    if scope not in _PACKAGES:
        return MODELS.build(part)
    # a copy: the config of the caller keeps the published name
    part = dict(part) | {"type": f"{_PACKAGES[scope]}.{name}"}
    return _build_shared(part) if part["type"] == _SHARED else _build_foreign(part)


def _build_shared(part: dict) -> nn.Module:
    """Our class; for settings that ours lacks mmpretrain's own, where that is installed."""
    try:
        return MODELS.build(part | {"type": "VisionTransformer"})
    except (TypeError, ValueError) as error:
        if find_spec("mmpretrain") is None:
            raise ValueError(
                f"{error}; mmpretrain's own class may take it: pip install -e '.[{EXTRA}]'"
            ) from error
        print_log(f"mmpretrain's own VisionTransformer is taken. Of ours: {error}", "current")
    return _build_foreign(part)


def _build_foreign(part: dict) -> nn.Module:
    package, _, name = part["type"].partition(".")
    _register(package, part["type"])
    if MODELS.get(part["type"]) is None:
        known = import_module(f"{package}.registry").MODELS.module_dict
        near = get_close_matches(name, known, n=3)
        raise ValueError(
            f"{package} has no model {name!r}" + (f"; near it: {', '.join(near)}" if near else "")
        )
    return MODELS.build(part)


def _register(package: str, wanted: str) -> None:
    """Import the models of a package, which registers them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # they ask mmcv for a name at its old place
        try:
            import_extra(package, EXTRA, wanted)
            leave_out_text_models()
            import_module(f"{package}.models")
        except AssertionError as error:  # so they refuse versions of mmcv and mmengine
            raise ImportError(f"{wanted}: {error}") from error
