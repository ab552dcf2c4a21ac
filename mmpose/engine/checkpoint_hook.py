"""Checkpoints of a training: when they are written, which are kept, what is never lost."""

import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, get_world_size, is_distributed, is_main_process
from mmengine.hooks import CheckpointHook as EngineCheckpointHook
from mmengine.runner import BaseLoop, Runner

from mmpose.files import whole_file
from mmpose.registry import HOOKS

from .agreement import Agreement
from .best_checkpoint import find_best_here, is_best, write_best
from .between_steps import (
    Clock,
    ends_epoch,
    is_by_epoch,
    is_validation_due,
    is_whole_window,
    loop_step,
)
from .data_faults import end_for_data
from .finite import check_weights
from .last_checkpoint import marker_of, write_resumable
from .metric_names import check_hooks
from .partial_files import remove_partial_files
from .preemption import leave, noted_signal

# entries of the log that every checkpoint carries; mmengine prints those named val... as metrics
VALIDATED, PASSING, KEPT = "step_validated", "passing_ckpts", "keep_ckpt_ids"
RETRY_S, TRIES = 60.0, 10


@HOOKS.register_module()
class CheckpointHook(EngineCheckpointHook):
    """mmengine's hook, which in addition loses no work and touches no other folder.

    - A new checkpoint is whole before an older one goes; so is a new best one.
    - Of the paths that a resumed checkpoint carries only the file names count.
    - Before a validation the weights are on disk; one that was cut off is done on resume.
    - Between two steps it looks for signals (`watch_signals`), the clock and faults of the data
      (`after_fetch`), writes a checkpoint, and ends the training where that was asked.
    - Weights that are not finite are never written; a full disk is tried again.

    A checkpoint out of turn, ``iter_N.pth``, makes way for the next one of any kind.

    Args:
        interval_minutes: write a checkpoint when there was none for so long.
        *args: as mmengine's.
        **kwargs: as mmengine's.

    Raises:
        TypeError: there is no argument of that name.
        ValueError: ``interval_minutes`` is not above 0.
    """

    def __init__(self, *args, interval_minutes: float | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.args:  # mmengine keeps them for its first checkpoint, which then fails
            name = next(iter(self.args))
            raise TypeError(f"CheckpointHook got an unexpected keyword argument {name!r}")
        self._clock = Clock(interval_minutes)
        self._is_training = False
        self._fetched_iter = self._saved_iter = -1
        self._saved_as = ""
        self._signal = self._is_due = self._leaves_for = 0
        self._lock = None

    def before_run(self, runner: Runner) -> None:
        """Called by the runner, first of all."""
        if isinstance(runner._train_loop, BaseLoop):
            check_hooks(runner, self.save_best or ())

    def before_train(self, runner: Runner) -> None:
        """Called by the runner after it resumed."""
        super().before_train(runner)
        self._agreement = Agreement()
        if is_main_process():
            Path(self.out_dir).mkdir(parents=True, exist_ok=True)
            self._lock = remove_partial_files(self.out_dir)
        if self.max_keep_ckpts > 0:  # room for one more: the oldest goes after the newest came
            self.keep_ckpt_ids = deque(self.keep_ckpt_ids, self.max_keep_ckpts + 1)
        find_best_here(self, runner)
        self._clock.restart()
        self._is_training = True
        if runner.iter > 0:
            self._saved_iter = runner.iter
            self._saved_as = Path(runner.message_hub.runtime_info.get("last_ckpt", "")).name
        elif is_main_process():
            marker_of(runner.work_dir).unlink(missing_ok=True)  # of an earlier run

    def before_first_step(self, runner: Runner) -> None:
        """Called by our loops: do the validation that a run was stopped in."""
        is_due = False
        if is_main_process():  # it alone writes the marker, and may just have removed an old one
            marker = marker_of(runner.work_dir)
            known = [runner.message_hub.runtime_info.get(VALIDATED)]
            known += [marker.read_text(encoding="utf-8")] if marker.is_file() else []
            step = loop_step(runner.train_loop)
            is_due = is_validation_due(runner.train_loop) and step not in known
        (is_due,) = self._agreement.on_largest(int(is_due))
        if is_due:
            runner.logger.info(
                f"the run was stopped before its validation at {loop_step(runner.train_loop)} "
                "was done; it is done now"
            )
            runner.val_loop.run()

    # Steps

    def after_fetch(self, runner: Runner, error: Exception | None = None) -> None:
        """Called by `guarded` when a batch has come, or failed to, before it is trained on.

        Raises:
            Preempted: a signal arrived in some process; the checkpoint is written.
            DataError: the data of this or another process failed; the checkpoint is written.
        """
        self._leave_if_told(runner)
        self._fetched_iter = runner.iter
        self._signal, self._is_due, has_failed = self._agreement.on_largest(
            noted_signal(), int(self._clock.is_late()), int(error is not None)
        )
        if has_failed:
            self._end_for(runner, error)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Called by the runner; stands in for `after_fetch` in loops that do not call it."""
        if self._fetched_iter != runner.iter:
            self.after_fetch(runner)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Called by the runner."""
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if not is_distributed():  # nobody to agree with: what came during the step counts
            self._signal, self._is_due = noted_signal(), self._clock.is_late()
        # half an accumulated gradient is much to store: a signal waits for the rest of it
        if is_whole_window(runner.optim_wrapper) and not ends_epoch(runner.train_loop, batch_idx):
            self._save_if_asked(runner, {"epoch": runner.epoch, "iter": runner.iter + 1})

    def after_train_epoch(self, runner: Runner) -> None:
        """Called by the runner."""
        super().after_train_epoch(runner)
        if is_by_epoch(runner.train_loop):
            self._save_if_asked(runner, {"epoch": runner.epoch + 1, "iter": runner.iter})

    def _save_if_asked(self, runner: Runner, meta: dict[str, int]) -> None:
        """Write a checkpoint where a signal or the clock wants one."""
        if self._signal or self._is_due:
            self._save_out_of_turn(runner, meta, must=bool(self._signal))
        # not at once: the other hooks finish the step too
        self._leaves_for = self._signal

    def _leave_if_told(self, runner: Runner) -> None:
        if self._leaves_for:
            leave(self._leaves_for, self._saved)

    def _end_for(self, runner: Runner, error: Exception | None) -> None:
        """End the training for a fault of the data, once what was computed is on disk."""
        told = self._agreement.on_first_error(error)
        self._save_between_steps(runner)
        barrier()
        end_for_data(error, told, f"no data for step {runner.iter + 1}; {self._saved}")

    @property
    def _saved(self) -> str:
        if not self._saved_as:
            return "nothing was trained yet"
        steps = f"the first {self._saved_iter} steps"
        return f"{self._saved_as} holds {steps}, --resume goes on from there"

    # Validations

    def before_val(self, runner: Runner) -> None:
        """Called by the runner: what was trained survives whatever happens in the validation."""
        self._leave_if_told(runner)
        if self._is_training and self.interval > 0:
            self._save_between_steps(runner)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Called by the runner.

        Raises:
            Preempted: a signal arrived in some process.
        """
        loader = runner.val_dataloader
        # of fewer samples than processes some have none, and do not come here
        can_agree = self._is_training and len(loader.dataset) >= get_world_size()
        # each process asks once: where it is told to stop, or with its last batch
        if can_agree and (noted_signal() or batch_idx + 1 == len(loader)):
            (self._leaves_for,) = self._agreement.on_largest(noted_signal())
            if self._leaves_for:
                self._save_between_steps(runner, must=True)
                self._leave_if_told(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any]) -> None:
        """Called by the runner: keep the best, and note that this step was validated."""
        if not self._is_training:
            return
        step = loop_step(runner.train_loop)
        runner.message_hub.update_info(VALIDATED, step)
        super().after_val_epoch(runner, metrics)
        if is_main_process():
            # without room for it the validation is done once more on resume
            with suppress(OSError), whole_file(marker_of(runner.work_dir)) as partial:
                partial.write_text(step, encoding="utf-8")

    def after_train(self, runner: Runner) -> None:
        """Called by the runner: the last weights are on disk, however the training ended."""
        if self.save_last:
            self._save_between_steps(runner, must=True)
        self._is_training = False
        super().after_train(runner)

    # Writing

    def _save_between_steps(self, runner: Runner, must: bool = False) -> None:
        meta = {"epoch": runner.epoch, "iter": runner.iter}
        self._save_out_of_turn(runner, meta, must)

    def _save_out_of_turn(self, runner: Runner, meta: dict[str, int], must: bool = False) -> None:
        """Write a checkpoint unless there is one of this step.

        Args:
            runner: of the training.
            meta: numbers of epochs and steps that are done.
            must: wait for room where the disk is full, and raise if there is none after all.
        """
        if self._saved_iter != meta["iter"] > 0:
            self._write(runner, f"iter_{meta['iter']}.pth", meta, passes=True, tries=TRIES * must)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        ids = getattr(self, KEPT, deque())
        if self.max_keep_ckpts > 0 and step not in ids:
            ids.append(step)
            # with the one that goes: if the process dies before, its successor removes it
            runner.message_hub.update_info(KEPT, list(ids))
        if self._write(runner, self.filename_tmpl.format(step), meta):
            self._remove_oldest(runner)
        elif step in ids:
            ids.remove(step)

    def _write(
        self, runner: Runner, name: str, meta: dict, passes: bool = False, tries: int = 0
    ) -> bool:
        """Write a checkpoint; where the disk is full, wait so many tries, or for 0 give up."""
        runner.call_hook("before_checkpoint")  # names step and images, where `check_weights` cannot
        check_weights(runner.model, meta["iter"])
        others = [n for n in runner.message_hub.runtime_info.get(PASSING, []) if n != name]
        own = [name] if passes else []
        runner.message_hub.update_info(PASSING, others + own)
        _, error = self._agreement.on_room_for(write_resumable, self, runner, name, meta)
        if error is not None:
            # of several the oldest goes anyway; without it the new one may fit
            if self.max_keep_ckpts > 1 and self._remove_oldest(runner):
                return self._write(runner, name, meta, passes, tries)
            if tries == 1:
                raise error
            runner.logger.error(
                f"the disk is full at {self.out_dir}: {name} is not written, the checkpoint before "
                f"stays; free some space, next try in {RETRY_S:.0f} s"
            )
            if tries:
                time.sleep(RETRY_S)
                return self._write(runner, name, meta, passes, tries - 1)
            self._clock.restart(RETRY_S)
            return False
        for other in others:
            self._remove(other)
        runner.message_hub.update_info(PASSING, own)
        self._saved_iter, self._saved_as = meta["iter"], name
        self._clock.restart()
        return True

    def _remove_oldest(self, runner: Runner) -> bool:
        """Remove the oldest checkpoint if there is one too many."""
        if not 0 < self.max_keep_ckpts < len(getattr(self, KEPT, ())):
            return False
        self._remove(self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
        runner.message_hub.update_info(KEPT, list(self.keep_ckpt_ids))
        return True

    def _remove(self, name: str) -> None:
        """Remove a file of the folder in use, whatever folder its name comes with."""
        path = self.file_backend.join_path(self.out_dir, Path(name).name)
        if is_main_process() and self.file_backend.isfile(path):
            self.file_backend.remove(path)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        if not self.save_best:
            return
        if "auto" in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        gone = []
        for key in [k for k in self.key_indicators if is_best(self, runner, k, metrics)]:
            replaced, error = self._agreement.on_room_for(
                write_best, self, runner, key, metrics[key]
            )
            if error is None:
                gone.append(replaced)
            else:
                runner.logger.error(f"the disk is full: the best {key} is not written")
        # the new score is known to the checkpoint that a resume takes before the old best goes
        if gone and self._saved_iter == runner.iter and self._saved_as:
            meta = {"epoch": runner.epoch, "iter": runner.iter}
            passes = self._saved_as in runner.message_hub.runtime_info.get(PASSING, [])
            self._write(runner, self._saved_as, meta, passes)
        for name in filter(None, gone):
            self._remove(name)
