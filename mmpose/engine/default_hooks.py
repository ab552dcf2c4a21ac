"""Hooks that every training has, whatever scope its config is of."""

from collections.abc import Mapping
from typing import Any

from . import checkpoint_hook, finite, seeded_steps  # noqa: F401 - they register themselves

# without them dropout differs after a resume, and a loss of nan is trained on
OURS = {
    "seeded_steps": {"type": "SeededStepsHook"},
    "finite": {"type": "mmpose.FiniteStepHook"},
}


def with_our_hooks(hooks: Mapping[str, Any] | None) -> dict[str, Any]:
    """Default hooks of a config, with our `CheckpointHook` and those of `OURS`.

    Args:
        hooks: ``default_hooks`` of a config; None for a hook leaves it out.
    """
    hooks = {**OURS, **(hooks or {})}
    checkpoint = hooks.get("checkpoint", {"type": "CheckpointHook", "interval": 1})
    if isinstance(checkpoint, Mapping) and checkpoint.get("type") == "CheckpointHook":
        # by its scope: mmdet's configs would find mmengine's
        hooks["checkpoint"] = {**checkpoint, "type": "mmpose.CheckpointHook"}
    # mmengine knows how to leave out its own alone
    return {name: hook for name, hook in hooks.items() if hook is not None or name not in OURS}
