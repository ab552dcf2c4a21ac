"""A sampler that shows the people of an image one after the other, so that it is decoded once."""

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Dataset, Sampler

from mmpose.registry import DATA_SAMPLERS

from .resumable_epochs import ResumableEpochs


@DATA_SAMPLERS.register_module()
class GroupedSampler(ResumableEpochs, Sampler):
    """All people of a data set, images in random order, people of an image in succession.

    Whole batches are dealt out to the processes, so those of an image meet in one worker, which
    keeps it with ``LoadImage(keep_last=True)``. Order and seeds of the draws depend on the seed
    and the epoch alone. People of a batch are less varied than those that `DefaultSampler` draws.

    Args:
        dataset: whose ``image_paths`` are grouped.
        batch_size: of one process.
        shuffle: draw the images in a new order each epoch.
        round_up: show people again until all processes show as many.
        seed: of the order, the same on every rank; None agrees on a random one.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        shuffle: bool = True,
        round_up: bool = True,
        seed: int | None = None,
    ) -> None:
        self.rank, self.world_size = get_dist_info()
        self.image_numbers = np.unique(dataset.image_paths(), return_inverse=True)[1]  # (N,)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.round_up = round_up
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.image_numbers) // self.world_size)

    def _order(self) -> np.ndarray:
        """All samples as all processes together show them, (N,)."""
        numbers = self.image_numbers
        if self.shuffle:
            # images change places, the people of one keep theirs: the sort below is stable
            rng = np.random.default_rng([self.seed, self.epoch])
            numbers = rng.permutation(numbers.max(initial=-1) + 1)[numbers]
        return np.argsort(numbers, kind="stable")

    def left_indices(self) -> list[int]:
        """See `ResumableEpochs`."""
        order = self._order()
        left = order[self.num_skipped :]
        # a batch for each process in turn: after any step the first samples were shown, whatever
        # the number of processes; what makes no batch for all is cut in equal parts
        block = self.batch_size * self.world_size
        whole = len(left) // block * block
        mine = left[:whole].reshape(-1, self.world_size, self.batch_size)[:, self.rank].reshape(-1)
        rest = left[whole:]
        share = -(-len(rest) // self.world_size)
        if self.round_up and share:
            rest = np.concatenate([rest, np.resize(order, share * self.world_size - len(rest))])
        return [*mine.tolist(), *rest[self.rank * share : (self.rank + 1) * share].tolist()]
