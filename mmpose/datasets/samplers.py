"""Samplers whose indices carry the seeds of their samples' random draws."""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from mmengine import dataset as engine
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmpose.registry import DATA_SAMPLERS

from .combined import CombinedDataset
from .resumable_epochs import ResumableEpochs
from .seeded_index import SeededIndex


def split_batch(batch_size: int, source_ratio: Sequence[float]) -> list[int]:
    """How many samples of a batch come from each source: shares rounded down, rest to the first."""
    # as published; rounding to the nearest could fill more than the batch
    total = sum(source_ratio)
    shares = [int(batch_size * ratio / total) for ratio in source_ratio]
    return [batch_size - sum(shares[1:]), *shares[1:]]


@DATA_SAMPLERS.register_module()
class DefaultSampler(ResumableEpochs, engine.DefaultSampler):
    """mmengine's sampler of a whole data set, with seeds for the draws of its samples.

    They depend on the seed, the epoch and the index alone: batches are the same for any number of
    workers and, dealt out anew, of processes; each epoch draws other ones. Order, settings and
    lengths are mmengine's.
    """

    def left_indices(self) -> list[int]:
        """See `ResumableEpochs`."""
        count = len(self.dataset)
        order = torch.arange(count)
        if self.shuffle:  # as mmengine shuffles
            generator = torch.Generator().manual_seed(self.seed + self.epoch)
            order = torch.randperm(count, generator=generator)
        left = order[self.num_skipped :]
        if self.round_up and len(left):
            missing = -len(left) % self.world_size
            left = torch.cat([left, order.repeat(self.world_size)[:missing]])
        return left[self.rank :: self.world_size].tolist()


@DATA_SAMPLERS.register_module()
class InfiniteSampler(engine.InfiniteSampler):
    """mmengine's endless sampler, with a seed for each place of its stream."""

    num_skipped = 0

    def place(self, num_samples: int) -> dict[str, int]:
        """The place after so many more samples of all processes, for :meth:`go_to`."""
        return {"epoch": 0, "samples": self.num_skipped + num_samples}

    def go_to(self, place: dict[str, int]) -> None:
        """Leave out what was shown, before the first sample is asked for."""
        self.num_skipped = place["samples"]

    def __iter__(self) -> Iterator[int]:
        # anew, not mmengine's one stream: a loader that was made ready and dropped took from it
        yield from self._indices_of_rank()

    def _indices_of_rank(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed)
        passes, offset = divmod(self.num_skipped, self.size)
        for _ in range(passes if self.shuffle else 0):
            torch.randperm(self.size, generator=generator)  # what those passes drew
        place = self.num_skipped - offset
        mine = self.num_skipped + self.rank
        while True:
            order = range(self.size)
            if self.shuffle:
                order = torch.randperm(self.size, generator=generator).tolist()
            # the place, not the index: an index comes again with every pass and must look different
            while mine < place + self.size:
                yield SeededIndex(order[mine - place], (self.seed, mine))
                mine += self.world_size
            place += self.size


@DATA_SAMPLERS.register_module()
class MultiSourceSampler(Sampler):
    """Batches that mix the parts of a `CombinedDataset` in fixed shares.

    Each source is an endless stream of reshuffled passes, dealt out over the ranks. The stream and
    the random draws of its samples depend on the seed and the position alone, so a run can be
    resumed at any batch, and the number of workers changes nothing.

    Args:
        dataset: the combined data set.
        batch_size: of one process.
        source_ratio: share of each part in a batch, any scale.
        shuffle: draw each pass in a new order.
        round_up: count the last, partly repeated batch of an epoch.
        seed: of the order, the same on every rank; None agrees on a random one.

    Raises:
        ValueError: the ratios do not fit the parts, a part without samples has a share, or there
            are fewer samples than a batch holds and ``round_up`` is off.
    """

    def __init__(
        self,
        dataset: CombinedDataset,
        batch_size: int,
        source_ratio: Sequence[float],
        shuffle: bool = True,
        round_up: bool = True,
        seed: int | None = None,
    ) -> None:
        if len(source_ratio) != len(dataset.lens):
            raise ValueError(
                f"source_ratio needs {len(dataset.lens)} entries, one per part, got {source_ratio}"
            )
        if min(source_ratio) < 0 or sum(source_ratio) == 0:
            raise ValueError(f"source_ratio needs shares of 0 or more, not all 0: {source_ratio}")
        self.rank, self.world_size = get_dist_info()
        self.lens = dataset.lens
        self.starts = np.cumsum([0, *self.lens[:-1]])
        self.batch_size = batch_size
        self.counts = split_batch(batch_size, source_ratio)
        empty = [i for i, n in enumerate(self.counts) if n and not self.lens[i]]
        if empty:
            raise ValueError(
                f"parts {empty} of the data set have no samples but a share of each batch; give "
                "them a source_ratio of 0 or raise their dataset_ratio_factor"
            )
        never = [i for i, n in enumerate(self.counts) if not n and source_ratio[i] > 0]
        if never:
            warnings.warn(
                f"a batch of {batch_size} has no room for a sample of parts {never}, which are "
                "never trained on; raise batch_size or their share of source_ratio",
                stacklevel=2,
            )
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        # as published: an epoch shows as many samples as there are, whatever the ratio
        self.round_up = round_up
        self.num_batches = self._batches_in(sum(self.lens))
        if not self.num_batches:
            raise ValueError(
                f"an epoch has no batch: {sum(self.lens)} samples for {self.world_size} processes "
                f"of {batch_size}; set round_up=True or lower batch_size"
            )
        self.epoch = 0
        self._begin_anew()

    def _begin_anew(self) -> None:
        # where a resumed run begins: its epoch, what was shown of it, what of each source
        self.first_epoch, self.num_skipped, self.first_positions = 0, 0, [0] * len(self.lens)

    def _batches_in(self, num_samples: int) -> int:
        """Batches of each process that show so many samples."""
        share = -(-num_samples // self.world_size)
        return share // self.batch_size + (self.round_up and share % self.batch_size > 0)

    def __len__(self) -> int:
        return self.num_batches * self.batch_size

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch, or to the place in it where a resumed run begins."""
        self.epoch = epoch

    def place(self, num_samples: int) -> dict:
        """The place after so many more samples of all processes, for :meth:`go_to`."""
        skipped = self.num_skipped if self.epoch == self.first_epoch else 0
        batches = num_samples // (self.batch_size * self.world_size)
        return {
            "epoch": self.epoch,
            "samples": skipped + num_samples,
            "positions": self._positions(batches),
        }

    def go_to(self, place: dict) -> None:
        """Leave out what was shown of an epoch, with whatever batch and number of processes.

        Args:
            place: see :meth:`place`; without ``positions`` the run began with the settings that
                it has now.
        """
        self._begin_anew()
        self.epoch = place["epoch"]
        shown = place["samples"] // (self.batch_size * self.world_size)
        positions = place.get("positions") or self._positions(shown)
        self.first_epoch, self.num_skipped = place["epoch"], place["samples"]
        self.first_positions = list(positions)

    def samples_left(self) -> int:
        """How many samples this process will show of this epoch."""
        skipped = self.num_skipped if self.epoch == self.first_epoch else 0
        return self._batches_in(max(sum(self.lens) - skipped, 0)) * self.batch_size

    def _positions(self, num_batches: int) -> list[int]:
        """Samples of each source that all processes have shown after batches of this epoch."""
        # streams run on through the epochs: started anew, the end of a source with a small share
        # would never be shown
        if self.epoch != self.first_epoch:
            num_batches += self._batches_in(max(sum(self.lens) - self.num_skipped, 0))
            num_batches += (self.epoch - self.first_epoch - 1) * self.num_batches
        return [
            first + num_batches * count * self.world_size
            for first, count in zip(self.first_positions, self.counts, strict=True)
        ]

    def _stream(self, source: int, position: int) -> Iterator[int]:
        """Indices of a source for this rank, after what all ranks have shown of it."""
        # ranks deal out one stream among them, so that together they use up a pass before the next
        length = self.lens[source]
        position += self.rank
        while True:
            one_pass, offset = divmod(position, length)
            if self.shuffle:
                # a generator per pass: a resumed run gets to its place without drawing the others
                order = np.random.default_rng([self.seed, source, one_pass]).permutation(length)
            else:
                order = np.arange(length)
            taken = order[offset :: self.world_size]
            for step, index in enumerate((taken + self.starts[source]).tolist()):
                # counted over all ranks: no two samples of a source draw alike
                place = position + step * self.world_size
                yield SeededIndex(index, (self.seed, source, place))
            position += len(taken) * self.world_size

    def __iter__(self) -> Iterator[int]:
        streams = [self._stream(i, first) for i, first in enumerate(self._positions(0))]
        for _ in range(self.samples_left() // self.batch_size):
            for stream, count in zip(streams, self.counts, strict=True):
                for _ in range(count):
                    yield next(stream)
