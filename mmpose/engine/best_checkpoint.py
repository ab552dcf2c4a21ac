"""The best checkpoint of a training, by ``save_best`` of `CheckpointHook`."""

from math import isfinite
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner


def best_entries(hook: CheckpointHook, key: str) -> tuple[str, str]:
    """Names under which mmengine's log keeps the best score and the path of its checkpoint."""
    ending = "" if len(hook.key_indicators) == 1 else f"_{key}"
    return f"best_score{ending}", f"best_ckpt{ending}"


def is_best(hook: CheckpointHook, runner: Runner, key: str, metrics: dict[str, Any]) -> bool:
    """Whether a score is better than all before; one that is not finite never is.

    Raises:
        ValueError: the metrics have no such number.
    """
    if key not in metrics:
        raise ValueError(f"save_best={key!r} is none of the numbers {sorted(metrics)}")
    score = metrics[key]
    if score is None or not isfinite(score):
        runner.logger.warning(f"{key} is {score}: this validation cannot be the best one")
        return False
    first = hook.init_value_map[hook.rules[hook.key_indicators.index(key)]]
    before = runner.message_hub.runtime_info.get(best_entries(hook, key)[0], first)
    return hook.is_better_than[key](score, before)


def write_best(hook: CheckpointHook, runner: Runner, key: str, score: float) -> str:
    """Write a best checkpoint, whole or not at all, and note it.

    Returns:
        Name of the file that it replaces; empty if there is none.
    """
    score_entry, path_entry = best_entries(hook, key)
    before = Path(runner.message_hub.runtime_info.get(path_entry) or "").name
    step = runner.epoch if hook.by_epoch else runner.iter
    name = f"best_{key}_{hook.filename_tmpl.format(step)}".replace("/", "_")
    runner.save_checkpoint(
        hook.out_dir,
        name,
        hook.file_client_args,
        save_optimizer=False,
        save_param_scheduler=False,
        meta={"epoch": runner.epoch, "iter": runner.iter},
        by_epoch=False,
        backend_args=hook.backend_args,
    )
    runner.message_hub.update_info(score_entry, score)
    _note_path(hook, runner, key, hook.file_backend.join_path(hook.out_dir, name))
    runner.logger.info(f"best so far: {key} {score:.4f}, saved to {name}")
    return before if before != name else ""


def find_best_here(hook: CheckpointHook, runner: Runner) -> None:
    """Take the best checkpoints of a resumed run from the folder in use, or forget them."""
    known = runner.message_hub.runtime_info
    for key in hook.key_indicators if hook.save_best else []:
        score_entry, path_entry = best_entries(hook, key)
        name = Path(known.get(path_entry) or "").name
        path = hook.file_backend.join_path(hook.out_dir, name)
        # one look for all: processes that know other scores would not write the next best together
        is_here = is_main_process() and bool(name) and hook.file_backend.isfile(path)
        (is_here,) = hook._agreement.on_largest(int(is_here))
        if is_here:
            _note_path(hook, runner, key, path)
        elif name:  # a score without its weights would keep all later ones from being the best
            runner.logger.warning(f"the best checkpoint {name} is gone: its score is forgotten")
            known.pop(score_entry, None)
            _note_path(hook, runner, key, None)


def _note_path(hook: CheckpointHook, runner: Runner, key: str, path: str | None) -> None:
    runner.message_hub.update_info(best_entries(hook, key)[1], path)
    # where mmengine looks for it when it publishes
    if len(hook.key_indicators) == 1:
        hook.best_ckpt_path = path
    else:
        hook.best_ckpt_path_dict[key] = path
