"""What differs between the config of a run and the one it is resumed with, and what becomes of it.

Every difference is told. Most are used from the resumed step on; those that cannot be are refused
before the data is read, with the fix.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .config import KNOWN_KEYS
from .saved_run import SavedRun, read_config_text

# where a run stands and how it was started, not how it trains; the seed is compared on its own
_PLACES = ("work_dir", "load_from", "load_from_allow", "resume", "launcher", "experiment_name")
_PLACES += ("model_wrapper_cfg", "log_level", "cfg", "checkpoint")
_HOOKS = ("custom_hooks", "default_hooks")
# what the learning rate of a step depends on
SCHEDULE = ("optim_wrapper.optimizer*", "optim_wrapper.paramwise_cfg*", "param_scheduler*")
SCHEDULE += ("optim_wrapper.constructor", "auto_scale_lr*", "train_cfg.max_*")
# what decides which samples a pass shows, in which order
DATA = ("train_dataloader.sampler.type", "train_dataloader.sampler.shuffle")
DATA += ("train_dataloader.sampler.round_up", "train_dataloader.batch_sampler*")
_THERE = "there"
_LENGTH = 100  # characters of a value that are told
_NEW_RUN = "start another run from its weights: --work-dir NEW --cfg-options load_from={path}"


@dataclass(frozen=True)
class Change:
    """One difference: dotted key, both values as text, and what becomes of it."""

    key: str
    before: str
    after: str
    effect: str = "used from here on"

    def __str__(self) -> str:
        return f"{self.key}: {self.before} -> {self.after} ({self.effect})"

    def matches(self, patterns: tuple[str, ...]) -> bool:
        """Whether the key fits one of the patterns."""
        return any(fnmatchcase(self.key, pattern) for pattern in patterns)


def find_changes(saved: SavedRun, config_text: str) -> list[Change]:
    """All differences of two configs that a training depends on.

    Args:
        saved: the run to be resumed.
        config_text: ``Config.pretty_text`` of the present config.
    """
    before, after = (_flat(config) for config in (saved.config, read_config_text(config_text)))
    absent = "not set"
    keys = [
        key
        for key in sorted(before.keys() | after.keys())
        if before.get(key, absent) != after.get(key, absent)
    ]
    # of a list whose classes are others, such as a pipeline, the places say nothing, nor do the
    # settings of a hook that is new or gone
    told = {key: key.removesuffix("types") for key in keys if key.endswith(".types")}
    told |= {key: f"{key}." for key in keys if _THERE in (before.get(key), after.get(key))}
    return [
        Change(key, *(_short(side.get(key, absent)) for side in (before, after)), _effect(key))
        for key in keys
        if key in told or not key.startswith(tuple(told.values()))
    ]


def refuse_changes(
    saved: SavedRun, changes: list[Change], *, seed: int | None, config_text: str
) -> None:
    """Refuse what cannot be resumed.

    Args:
        saved: the run to be resumed.
        changes: see :func:`find_changes`.
        seed: what the present config asks for; None for any.
        config_text: ``Config.pretty_text`` of the present config.

    Raises:
        ValueError: with all reasons, and for each the fix.
    """
    new_run = _NEW_RUN.format(path=saved.path)
    reasons = []
    if seed is not None and saved.seed is not None and seed != saved.seed:
        reasons.append(
            f"the run has seed {saved.seed}, not {seed}: its shuffles would change in the middle; "
            f"leave the seed out or give --seed {saved.seed}"
        )
    for change in changes:
        told = f"{change.key} was {change.before} and is {change.after}"
        if change.key == "optim_wrapper.optimizer.type":
            reasons.append(
                f"{told}: one optimiser cannot go on from another's moments; keep it, or {new_run}"
            )
        elif change.key == "train_cfg.counts":
            reasons.append(f"{told}: keep the train_cfg, or {new_run}")
    config = _flat(read_config_text(config_text))
    hooks = [str(value) for key, value in config.items() if key.startswith(_HOOKS)]
    if saved.has_average and not any(hook.endswith("EMAHook") for hook in hooks):
        reasons.append(
            "the run keeps a moving average of its weights, and the config has no EMAHook: put "
            f"it back, or {new_run}, which takes the averages"
        )
    if reasons:
        raise ValueError(f"{saved.path} cannot be resumed:\n  " + "\n  ".join(reasons))


def _effect(key: str) -> str:
    change = Change(key, "", "")
    if change.matches(SCHEDULE):
        return f"{change.effect}; the schedule is worked out anew up to this step"
    if change.matches(DATA):
        return "the order changes: a new pass of the data begins"
    if key.startswith(_HOOKS) and key.endswith("EMAHook"):
        return "an average begins with the weights of this step"
    return change.effect


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in config.items() if key in KNOWN_KEYS}
    for name in ("test_dataloader", "test_cfg", "test_evaluator"):
        known.pop(name, None)
    loop = known.get("train_cfg")
    if isinstance(loop, dict):
        # the classes are mmengine's or ours, what they count is what matters
        by_epoch = loop.pop("by_epoch", None)
        kind = str(loop.pop("type", "Epoch" if by_epoch else "Iter"))
        loop["counts"] = "epochs" if "Epoch" in kind else "steps"
    flat = dict(_leaves(known, ""))
    return {
        key: value
        for key, value in flat.items()
        if key.split(".")[0] not in _PLACES and key != "randomness.seed"
    }


def _leaves(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Dotted keys and what stands there; hooks go by their class, not by their number."""
    if isinstance(node, list) and key == "custom_hooks":
        node = {str(hook.get("type") if isinstance(hook, dict) else hook): hook for hook in node}
        for name in node:  # one without settings has a line too
            yield f"{key}.{name}", _THERE
    if isinstance(node, list) and any(isinstance(item, dict) for item in node):
        types = [item.get("type") if isinstance(item, dict) else item for item in node]
        yield f"{key}.types", types
        node = {str(number): item for number, item in enumerate(node)}
    if not isinstance(node, dict) or not node:
        yield key, node
        return
    for name, value in node.items():
        # None is how mmengine says "not set"
        if value is not None:
            yield from _leaves(value, f"{key}.{name}" if key else name)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 3]}..."
