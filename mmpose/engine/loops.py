"""Training loops whose resume jumps to its place in the data, in the middle of an epoch too.

mmengine's own loop of steps loads and drops every batch up to there, which takes as long as the
training did; its loop of epochs can only begin one. `StrictRunner` takes these in their place.
"""

import functools

from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from torch import nn
from torch.utils.data import DataLoader

from .data_faults import guarded
from .data_stream import DataStream

# mmengine's loops and samplers, and ours that can go to any place in the data
_OURS = {
    "IterBasedTrainLoop": "ResumableIterTrainLoop",
    "EpochBasedTrainLoop": "ResumableEpochTrainLoop",
    "DefaultSampler": "mmpose.DefaultSampler",
    "InfiniteSampler": "mmpose.InfiniteSampler",
}


def resumable(settings: dict) -> dict:
    """Settings of a loop or sampler, of our class where mmengine's was asked for.

    Ours shows the same samples in the same order.
    """
    return {**settings, "type": _OURS.get(settings["type"], settings["type"])}


class _ResumableLoop:
    """What both loops have: the stream of data, the count of steps, the place to begin at."""

    dataloader: DataLoader
    stream: DataStream | None = None
    begins_at: dict | None = None
    num_steps = 0  # the one that runs included: checkpoints are written at its end

    def replace_dataloader(self, loader: DataLoader) -> None:
        """Go on with another loader, from its beginning."""
        self.dataloader, self.stream = loader, self._stream_of(loader)

    def _stream_of(self, loader: DataLoader) -> DataStream:
        return DataStream(loader, functools.partial(guarded, runner=self.runner))

    def resume_at(self, *, steps: int, place: dict) -> None:
        """Begin after so many steps, at a place of :meth:`DataStream.place`."""
        self._iter, self.num_steps, self.begins_at = steps, steps, place

    def _open_stream(self) -> None:
        # after before_train: there a hook may put in the loader that the place belongs to
        if self.stream is None:
            self.stream = self._stream_of(self.dataloader)
        if self.begins_at is not None:
            self.stream.go_to(self.begins_at)

    def place(self) -> dict:
        """Where the data stands after the steps so far."""
        return self.stream.place()


@LOOPS.register_module()
class ResumableIterTrainLoop(_ResumableLoop, IterBasedTrainLoop):
    """`IterBasedTrainLoop` that is resumed at any step, in place of reading up to it again."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.dataloader_iterator = None  # mmengine's, whose workers have started for nothing

    def run(self) -> nn.Module:
        """Train; called by the runner."""
        # epoch hooks once, around all steps, as mmengine's own loop calls them
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        self._open_stream()
        self.runner.call_hook("before_first_step")
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            batch = self.stream.next_batch()
            self.num_steps = self._iter + 1
            self.run_iter(batch)
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


@LOOPS.register_module()
class ResumableEpochTrainLoop(_ResumableLoop, EpochBasedTrainLoop):
    """`EpochBasedTrainLoop` that is resumed at any step, also in the middle of an epoch."""

    def resume_at(self, *, steps: int, place: dict) -> None:
        """Begin after so many steps, at a place of :meth:`DataStream.place`."""
        super().resume_at(steps=steps, place=place)
        self._epoch = place["epoch"]

    def run(self) -> nn.Module:
        """Train; called by the runner."""
        self.runner.call_hook("before_train")
        self._open_stream()
        self.runner.call_hook("before_first_step")
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._decide_current_val_interval()
            if self._is_time_to_validate():
                self.runner.val_loop.run()
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_epoch(self) -> None:
        """Train on what is left of an epoch."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        first = self.stream.begin_pass()
        for index, batch in enumerate(self.stream.rest_of_pass(), first):
            self.num_steps = self._iter + 1
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def _is_time_to_validate(self) -> bool:
        if self.runner.val_loop is None or self._epoch < self.val_begin:
            return False
        return self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
