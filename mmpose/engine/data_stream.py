"""The data of a training as one stream of batches, and the place reached in it.

The place is counted in samples of all processes together, so it holds for another batch size and
another number of processes. Samplers that can go to a place have ``place``, ``go_to`` and
``samples_left`` (`DefaultSampler`, `InfiniteSampler`, `MultiSourceSampler` of `mmpose.datasets`).
"""

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mmengine.dist import get_world_size
from mmengine.logging import print_log
from torch.utils.data import BatchSampler, DataLoader, Sampler


class DataStream:
    """Passes through a data loader.

    Args:
        loader: its sampler says what a pass (an epoch) is.
        guard: gives the batches of a pass, and fails where one cannot be trained on, before it
            counts as taken.
    """

    def __init__(self, loader: DataLoader, guard: Callable[[Iterable], Iterator] = iter) -> None:
        self.loader = loader
        self.guard = guard
        # a batch sampler of its own leaves the loader's sampler unused
        self.sampler = getattr(loader.batch_sampler, "sampler", loader.sampler)
        self.batch_size = getattr(loader.batch_sampler, "batch_size", None) or 1
        self.epoch = 0
        self._batches = 0  # taken since the start of this pass, or since the place gone to
        self._start: dict[str, Any] | None = None  # the place gone to, while in its pass
        self._endless: Iterator | None = None

    @property
    def _can_jump(self) -> bool:
        # one that sorts its samples into batches shows them in another order than the sampler's
        return hasattr(self.sampler, "go_to") and type(self.loader.batch_sampler) is BatchSampler

    def place(self) -> dict[str, Any]:
        """Where the data stands after the batches taken so far: ``epoch``, ``samples`` of it.

        Sources of a `MultiSourceSampler` have ``positions`` of their own. The place holds plain
        numbers, so it can be stored.
        """
        if self._start is not None and not self._batches:  # the sampler may not be there yet
            return self._start
        taken = self._batches * self.batch_size * get_world_size()
        if self._can_jump:
            return self.sampler.place(taken)
        return {"epoch": self.epoch, "samples": taken}

    def go_to(self, place: dict[str, Any]) -> None:
        """Begin at a place, before the first batch is taken; a warning tells where that fails."""
        self.epoch, self._batches, self._start = place["epoch"], 0, place
        if place["samples"] and not self._can_jump:
            print_log(
                f"{type(self.sampler).__name__} in {type(self.loader.batch_sampler).__name__} "
                f"cannot jump into epoch {self.epoch}: its data starts anew",
                logger="current",
                level=logging.WARNING,
            )

    def begin_pass(self) -> int:
        """Make ready for what is left of this pass; how many of its batches are gone."""
        if self._start is not None and self._can_jump:
            self.sampler.go_to(self._start)
            if hasattr(self.sampler, "samples_left"):
                left = self.sampler.samples_left() / self.batch_size
                left = math.floor(left) if self.loader.drop_last else math.ceil(left)
                return max(len(self.loader) - left, 0)
        elif hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(self.epoch)
        return 0

    def rest_of_pass(self) -> Iterator:
        """The batches that are left; after the last one the stream stands before the next pass."""
        for batch in self.guard(self.loader):
            self._batches += 1
            yield batch
        self.epoch, self._batches, self._start = self.epoch + 1, 0, None
        self.begin_pass()

    def next_batch(self) -> Any:
        """The next batch, of the next pass where this one has ended."""
        if self._endless is None:
            self._endless = self._all_passes()
        return next(self._endless)

    def _all_passes(self) -> Iterator:
        while True:
            self.begin_pass()
            yield from self.rest_of_pass()


def is_endless(sampler: Sampler) -> bool:
    """Whether a sampler has one pass that never ends, so that its place counts all samples."""
    return hasattr(sampler, "go_to") and not hasattr(sampler, "samples_left")
