"""Training by steps, resumed without reading again what was trained on."""

import logging
from collections.abc import Iterator

from mmengine.logging import print_log
from mmengine.registry import LOOPS
from mmengine.runner import IterBasedTrainLoop
from torch import nn

from .data_faults import guarded


@LOOPS.register_module()
class ResumableIterTrainLoop(IterBasedTrainLoop):
    """`IterBasedTrainLoop` whose resume jumps to its place in the data.

    mmengine's own loads and drops every batch up to there, which takes as long as the training
    did. A sampler with ``set_epoch`` and ``skip`` (`MultiSourceSampler`, `DefaultSampler`) jumps;
    with any other the data starts anew, in the order of the epoch that was reached.
    """

    def _batches(self) -> Iterator:
        # _iter is above 0 after a resume
        sampler = self.dataloader.sampler
        epoch, offset = divmod(self._iter, len(self.dataloader))
        while True:
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)
            if offset and hasattr(sampler, "skip"):
                # samples of this process, of which a batch takes batch_size
                sampler.skip(offset * self.dataloader.batch_size)
            elif offset:
                print_log(
                    f"{type(sampler).__name__} cannot jump: epoch {epoch} starts anew",
                    logger="current",
                    level=logging.WARNING,
                )
            yield from self.dataloader
            epoch, offset = epoch + 1, 0

    def run(self) -> nn.Module:
        """Train; called by the runner."""
        self.dataloader_iterator = guarded(self._batches(), self.runner)
        # epoch hooks once, around all steps, as mmengine's own loop calls them
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        self.runner.call_hook("before_first_step")
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            self._decide_current_val_interval()
            if self._is_time_to_validate():
                self.runner.val_loop.run()
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model

    def _is_time_to_validate(self) -> bool:
        if self.runner.val_loop is None or self._iter < self.val_begin:
            return False
        # at the end too: the last weights are judged whatever the interval
        return self._iter % self.val_interval == 0 or self._iter == self._max_iters
