"""Hooks that every training has, whatever scope its config is of."""

from collections.abc import Mapping
from typing import Any

from . import (  # noqa: F401 - to register
    checkpoint_hook,
    finite,
    late_scalars,
    logger_hook,
    seeded_steps,
)

# without them dropout differs after a resume, and a loss of nan is trained on
OURS = {
    "seeded_steps": {"type": "SeededStepsHook"},
    "finite": {"type": "mmpose.FiniteStepHook"},
}
# those of mmengine that lose work, as it builds them without a config
USUAL = {
    "checkpoint": {"type": "CheckpointHook", "interval": 1},
    "logger": {"type": "LoggerHook"},
}


def with_our_hooks(hooks: Mapping[str, Any] | None) -> dict[str, Any]:
    """Default hooks of a config: our `CheckpointHook`, `LoggerHook`, late scalars and `OURS`.

    Args:
        hooks: ``default_hooks`` of a config; None for a hook leaves it out.
    """
    hooks = {"runtime_info": {"type": "LateRuntimeInfoHook"}, **OURS, **(hooks or {})}
    for name, usual in USUAL.items():
        hook = hooks.get(name, usual)
        if isinstance(hook, Mapping) and hook.get("type") == usual["type"]:
            # by its scope: mmdet's configs would find mmengine's
            hooks[name] = {**hook, "type": f"mmpose.{usual['type']}"}
    # mmengine knows how to leave out its own alone
    return {name: hook for name, hook in hooks.items() if hook is not None or name not in OURS}
