"""What samplers of epochs share that a run can be resumed in the middle of."""

from collections.abc import Iterator, Sequence

from .seeded_index import SeededIndex


class ResumableEpochs:
    """A place in an epoch, counted in samples of all processes, and draws with seeds of their own.

    A sampler has ``seed`` and ``epoch``, and says by :meth:`left_indices` what is left to show.
    """

    seed: int
    epoch: int
    num_skipped = 0

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch."""
        self.epoch = epoch
        self.num_skipped = 0  # only the resumed epoch was trained on in part

    def place(self, num_samples: int) -> dict[str, int]:
        """The place after so many more samples of all processes, for :meth:`go_to`."""
        return {"epoch": self.epoch, "samples": self.num_skipped + num_samples}

    def go_to(self, place: dict[str, int]) -> None:
        """Leave out what was shown of an epoch, with whatever batch and number of processes."""
        self.set_epoch(place["epoch"])
        self.num_skipped = place["samples"]

    def samples_left(self) -> int:
        """How many samples this process will show of this epoch."""
        return len(self.left_indices())

    def left_indices(self) -> Sequence[int]:
        """What this process will show of this epoch, in order."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[int]:
        # the index, not the place in the stream: places change with the number of processes
        for index in self.left_indices():
            yield SeededIndex(index, (self.seed, self.epoch, index))
