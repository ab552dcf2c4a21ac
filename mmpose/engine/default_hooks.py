"""Hooks that every training has, whatever scope its config is of."""

from collections.abc import Mapping
from typing import Any

from . import checkpoint_hook, finite  # noqa: F401 - register the two


def with_our_hooks(hooks: Mapping[str, Any] | None) -> dict[str, Any]:
    """Default hooks of a config, with our `CheckpointHook` and `FiniteStepHook`.

    Args:
        hooks: ``default_hooks`` of a config. ``checkpoint=None`` and ``finite=None`` leave one out.
    """
    hooks = dict(hooks or {})
    checkpoint = hooks.get("checkpoint", {"type": "CheckpointHook", "interval": 1})
    if isinstance(checkpoint, Mapping) and checkpoint.get("type") == "CheckpointHook":
        # by its scope: mmdet's configs would find mmengine's
        hooks["checkpoint"] = {**checkpoint, "type": "mmpose.CheckpointHook"}
    hooks.setdefault("finite", {"type": "mmpose.FiniteStepHook"})
    if hooks["finite"] is None:
        del hooks["finite"]
    return hooks
