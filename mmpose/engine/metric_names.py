"""Whether the validation gives the number that a training is to be judged by."""

import difflib
from collections.abc import Iterable
from math import isnan
from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.runner import Runner


def expected_numbers(evaluator: Evaluator) -> tuple[dict[str, float | None], list[str]]:
    """What the metrics of an evaluator will give, as far as they can tell before any result.

    A metric tells it by a method ``expected_numbers``: names without the prefix, each with its
    value where that does not depend on the model (nan or -1 where nobody counts), else None.

    Returns:
        The numbers by full name, and the prefixes of metrics that do not tell.
    """
    numbers: dict[str, float | None] = {}
    silent = []
    for metric in evaluator.metrics:
        before = f"{metric.prefix}/" if metric.prefix else ""
        if hasattr(metric, "expected_numbers"):
            own = metric.expected_numbers()
            numbers |= {f"{before}{name}": value for name, value in own.items()}
        else:
            silent.append(before)
    return numbers, silent


def check_judged_by(evaluator: Evaluator, wanted: Iterable[tuple[str, str]]) -> None:
    """Refuse, before any work, to be judged by a number that there will not be.

    Args:
        evaluator: of the validation.
        wanted: names of numbers, each with the setting that names it.

    Raises:
        ValueError: a number is not among those of the metrics, or says nothing about the model.
    """
    numbers, silent = expected_numbers(evaluator)
    for name, setting in wanted:
        value = numbers.get(name, None)
        if value is not None and (isnan(value) or value == -1):
            raise ValueError(
                f"{setting}={name!r} will be {value:g} whatever the model does: nobody of the "
                "validation's annotations counts for it; choose another number"
            )
        if name not in numbers and not any(name.startswith(prefix) for prefix in silent):
            by_lower = {known.lower(): known for known in numbers}
            near = difflib.get_close_matches(name.lower(), by_lower, n=1)
            hint = f"; did you mean {by_lower[near[0]]!r}?" if near else ""
            known = ", ".join([*numbers, *[f"{prefix}..." for prefix in silent]])
            raise ValueError(
                f"{setting}={name!r} is none of the validation's numbers, {known}{hint}"
            )


def check_hooks(runner: Runner, save_best: Iterable[str]) -> None:
    """Check what `CheckpointHook` and mmengine's ``EarlyStoppingHook`` judge a training by.

    Args:
        runner: about to train.
        save_best: of `CheckpointHook`.

    Raises:
        ValueError: see :func:`check_judged_by`.
    """
    wanted = [(name, "save_best") for name in save_best if name != "auto"]
    wanted += [(monitor, "monitor") for monitor in map(_monitor, runner.hooks) if monitor]
    if not wanted:
        return
    if runner.val_loop is None:
        names = ", ".join(f"{setting}={name!r}" for name, setting in wanted)
        runner.logger.warning(f"{names} has no effect: there is no validation")
        return
    check_judged_by(runner.val_loop.evaluator, wanted)


def _monitor(hook: Hook) -> Any:
    return hook.monitor if isinstance(hook, EarlyStoppingHook) else None
