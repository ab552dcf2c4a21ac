"""How fast a training goes, with which learning rates, and the best of each metric so far."""

import re
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.registry import HOOKS
from mmengine.runner import Runner

PEOPLE_PER_S, WAIT_SHARE = "train/people_per_s", "train/wait_share"
GREATER = re.compile(r"((bbox|segm|crowd|Ex|Ex_bbox)_)?(m?AP|IoU)(_(?!50|75)\d+|_bbox)?|oks")
LESS = re.compile(r"pixel_error|loss\w*")
"""Last parts of names of the metrics that matter, by which end of them is better."""
BARE_SUFFIX = re.compile(r"_?(no_)?decay$")


def count_people(data_batch: Any) -> int | None:
    """Annotated people of a batch; None where it does not tell."""
    samples = data_batch.get("data_samples") if isinstance(data_batch, Mapping) else None
    if not samples or not all("gt_instances" in sample for sample in samples):
        return None
    return sum(len(sample.gt_instances) for sample in samples)


def name_rates(groups: list[dict]) -> dict[str, int]:
    """One group of parameters for each learning rate that starts apart from the others.

    Args:
        groups: of an optimiser.

    Returns:
        Name -> place in ``groups``: the group's own name (``layer_3``; with and without weight
        decay are one), else its share of the highest rate (``x0.1``). Nothing where all groups
        share one rate, which is logged as ``lr`` anyway.
    """
    starts = [float(group.get("initial_lr", group["lr"])) for group in groups]
    if len(set(starts)) < 2:
        return {}
    names, highest = {}, max(starts)
    # beside named groups mmengine keeps an empty one for the rate of the config
    have_names = any(group.get("group_name") for group in groups)
    for place, (group, start) in enumerate(zip(groups, starts, strict=True)):
        own = BARE_SUFFIX.sub("", group.get("group_name") or "")
        if own or not have_names:
            names.setdefault(own or f"x{start / highest:.3g}", place)
    return names


@HOOKS.register_module()
class TrainingScalarsHook(Hook):
    """Scalars of a training beside its losses and metrics.

    ``train/people_per_s`` (annotated people of all processes, as many as in this one each; time
    of validations does not count), ``train/wait_share`` (share of that time in which this process
    waited for its loader), ``train/lr/GROUP``, and ``best/METRIC`` after each validation. None
    reads from the device.

    Args:
        interval: steps between two entries of the learning rates.
        window: steps over which speed is averaged.

    Raises:
        ValueError: one of them is below 1.
    """

    # last of all: writing a checkpoint is no waiting for data
    priority = "LOWEST"

    def __init__(self, interval: int = 50, window: int = 50) -> None:
        if min(interval, window) < 1:
            raise ValueError(f"interval and window are steps, at least 1: {interval}, {window}")
        self.interval = interval
        self._cycles: deque[tuple[int, float, float]] = deque(maxlen=window)
        self._rates: dict[str, int] = {}
        self._people: int | None = None  # of the step that goes on
        self._started = self._idle_since = self._paused_at = 0.0

    def before_train(self, runner: Runner) -> None:
        """Find out which learning rates there are."""
        self._cycles.clear()
        self._people = None
        for name in (PEOPLE_PER_S, WAIT_SHARE):  # of a run that is resumed, perhaps elsewhere
            runner.message_hub.log_scalars.pop(name, None)
        if not isinstance(runner.optim_wrapper, OptimWrapperDict):
            self._rates = name_rates(runner.optim_wrapper.param_groups)

    def before_train_epoch(self, runner: Runner) -> None:
        """From here on the loader is waited for."""
        self._idle_since = time.perf_counter()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Log the speed up to here; the batch has just come."""
        if not is_main_process():
            return
        now = time.perf_counter()
        if self._people is not None:
            waited = now - self._idle_since
            self._cycles.append((self._people, waited, now - self._started))
            people, waits, cycles = (sum(column) for column in zip(*self._cycles, strict=True))
            hub = runner.message_hub
            hub.update_scalar(PEOPLE_PER_S, people * get_world_size() / cycles)
            hub.update_scalar(WAIT_SHARE, waits / cycles)
        self._people, self._started = count_people(data_batch), now
        step = runner.iter + 1
        if self._rates and step % self.interval == 0:
            groups = runner.optim_wrapper.param_groups
            rates = {f"train/lr/{n}": float(groups[i]["lr"]) for n, i in self._rates.items()}
            runner.visualizer.add_scalars(rates, step=step)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """From here on the loader is waited for."""
        self._idle_since = time.perf_counter()

    def before_val(self, runner: Runner) -> None:
        """Stop the clock."""
        self._paused_at = time.perf_counter()

    def after_val(self, runner: Runner) -> None:
        """Let the clock go on."""
        self._idle_since = time.perf_counter()
        self._started += self._idle_since - self._paused_at

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Log the best of each metric whose better end is known."""
        found = {}
        for name, is_greater in _directions(runner, metrics or {}).items():
            history = runner.message_hub.get_scalar(f"val/{name}").data[0]
            values = history[np.isfinite(history)]
            if len(values):
                found[f"best/{name}"] = float(values.max() if is_greater else values.min())
        if found:
            runner.visualizer.add_scalars(found, step=runner.iter)


def _directions(runner: Runner, metrics: Mapping[str, Any]) -> dict[str, bool]:
    """Whether more is better, of the metrics that are logged and of which this is known."""
    logged = [name for name in metrics if f"val/{name}" in runner.message_hub.log_scalars]
    directions = {}
    for name in logged:
        last = name.rsplit("/", 1)[-1]
        if GREATER.fullmatch(last) or LESS.fullmatch(last):
            directions[name] = GREATER.fullmatch(last) is not None
    for hook in runner.hooks:  # what a checkpoint is kept for, by the rule that it is kept by
        named = zip(getattr(hook, "key_indicators", ()), getattr(hook, "rules", ()), strict=False)
        directions |= {name: rule == "greater" for name, rule in named if name in logged}
    return directions
