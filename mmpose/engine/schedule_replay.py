"""The schedule of another config, worked out up to the step where a run is resumed."""

import copy
from typing import Any

from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner

from .loops import ResumableEpochTrainLoop

_INITIAL = "initial_"


def hyperparameters(optim_wrapper: OptimWrapper) -> list[dict[str, Any]]:
    """The settings of each group as the config has them, before any schedule has changed them."""
    groups = []
    for group in optim_wrapper.param_groups:
        settings = {key: copy.deepcopy(v) for key, v in group.items() if key != "params"}
        # a schedule keeps what it found under another name
        for key in [key for key in settings if key.startswith(_INITIAL)]:
            settings[key.removeprefix(_INITIAL)] = settings.pop(key)
        groups.append(settings)
    return groups


def check_can_replay(runner: Runner) -> None:
    """Refuse schedules that cannot be worked out anew; the optimiser and schedulers are built.

    Raises:
        ValueError: a scheduler follows a metric, or there are several optimisers.
    """
    fix = "keep the settings of optim_wrapper, param_scheduler and the length of the training"
    if isinstance(runner.optim_wrapper, OptimWrapperDict):
        raise ValueError(f"a changed schedule of several optimisers cannot be resumed: {fix}")
    for scheduler in runner.param_schedulers or []:
        if getattr(scheduler, "need_val_args", False):
            name = type(scheduler).__name__
            raise ValueError(
                f"{name} follows a metric of past validations, so a changed schedule cannot be "
                f"worked out anew: {fix}"
            )


def replay_schedule(
    runner: Runner, groups: list[dict[str, Any]], scheduler_config: dict | list | None
) -> None:
    """Give the optimiser the settings of the config and the rates of the step reached.

    Args:
        runner: whose optimiser has the moments of the checkpoint and whose loop stands at its step.
        groups: see :func:`hyperparameters`.
        scheduler_config: of ``param_scheduler``; None where nothing changes by a schedule.
    """
    wrapper = runner.optim_wrapper
    for group, settings in zip(wrapper.param_groups, groups, strict=True):
        for key in [key for key in group if key.startswith(_INITIAL)]:
            del group[key]
        group.update(settings)
    if scheduler_config is None:
        return
    runner.param_schedulers = runner.build_param_scheduler(copy.deepcopy(scheduler_config))
    wrapper._global_step = 0  # else the first step warns that the optimiser made none
    loop = runner.train_loop
    in_epochs = isinstance(loop, ResumableEpochTrainLoop)
    epochs = 0
    for step in range(1, loop.iter + 1):
        for scheduler in runner.param_schedulers:
            if not scheduler.by_epoch:
                scheduler.step()
        if in_epochs and step % len(loop.dataloader) == 0 and epochs < loop.epoch:
            epochs += 1
            for scheduler in runner.param_schedulers:
                if scheduler.by_epoch:
                    scheduler.step()
