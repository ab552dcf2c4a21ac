"""Samplers whose indices carry the seeds of their samples' random draws."""

import warnings
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from mmengine import dataset as engine
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmpose.registry import DATA_SAMPLERS

from .combined import CombinedDataset
from .seeded_index import SeededIndex


def split_batch(batch_size: int, source_ratio: Sequence[float]) -> list[int]:
    """How many samples of a batch come from each source: shares rounded down, rest to the first."""
    # as published; rounding to the nearest could fill more than the batch
    total = sum(source_ratio)
    shares = [int(batch_size * ratio / total) for ratio in source_ratio]
    return [batch_size - sum(shares[1:]), *shares[1:]]


@DATA_SAMPLERS.register_module()
class DefaultSampler(engine.DefaultSampler):
    """mmengine's sampler of a whole data set, with seeds for the draws of its samples.

    They depend on the seed, the epoch and the index alone: batches are the same for any number of
    workers and, dealt out anew, of processes; each epoch draws other ones. Order, settings and
    lengths are mmengine's.
    """

    num_skipped = 0

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch."""
        super().set_epoch(epoch)
        self.num_skipped = 0  # only the resumed epoch was trained on in part

    def skip(self, num_samples: int) -> None:
        """Leave out the first samples of this process in this epoch: see `MultiSourceSampler`."""
        self.num_skipped = num_samples

    def __iter__(self) -> Iterator[int]:
        # the index, not the place in the stream: places change with the number of processes
        for index in islice(super().__iter__(), self.num_skipped, None):
            yield SeededIndex(index, (self.seed, self.epoch, index))


@DATA_SAMPLERS.register_module()
class InfiniteSampler(engine.InfiniteSampler):
    """mmengine's endless sampler, with a seed for each place of its stream."""

    def _indices_of_rank(self) -> Iterator[int]:
        # the place, not the index: an index comes again with every pass and must look different
        places = enumerate(self._infinite_indices())
        for place, index in islice(places, self.rank, None, self.world_size):
            yield SeededIndex(index, (self.seed, place))


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
        share = -(-sum(self.lens) // self.world_size)
        self.num_batches = share // batch_size + (round_up and share % batch_size > 0)
        if not self.num_batches:
            raise ValueError(
                f"an epoch has no batch: {sum(self.lens)} samples for {self.world_size} processes "
                f"of {batch_size}; set round_up=True or lower batch_size"
            )
        self.first_batch = 0
        self.epoch = 0

    def __len__(self) -> int:
        return self.num_batches * self.batch_size

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch."""
        self.epoch, self.first_batch = epoch, 0

    def skip(self, num_samples: int) -> None:
        """Leave out the first samples of this epoch: they were trained on before a resume.

        They are counted in this process; only whole batches can be skipped.
        """
        self.first_batch = num_samples // self.batch_size

    def _stream(self, source: int, position: int) -> Iterator[int]:
        """Indices of a source for this rank, from the given position on."""
        # ranks deal out one stream among them, so that together they use up a pass before the next
        length = self.lens[source]
        position = position * self.world_size + self.rank
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
        # streams run on through the epochs: started anew, the end of a source with a small share
        # would never be shown
        before = self.epoch * self.num_batches + self.first_batch
        streams = [self._stream(i, before * count) for i, count in enumerate(self.counts)]
        for _ in range(self.first_batch, self.num_batches):
            for stream, count in zip(streams, self.counts, strict=True):
                for _ in range(count):
                    yield next(stream)
