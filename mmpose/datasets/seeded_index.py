"""Random draws that belong to a place in the data, not to the process that happens to make them.

A sampler hands out indices that carry a seed; the data set draws from it. So a sample looks the
same whatever the number of worker processes, and after a resume in the middle of an epoch.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class SeededIndex(int):
    """An index of a data set with the seed of its draws.

    It is made of the index itself, as which it counts everywhere, and of a seed: non-negative
    numbers that no other place in the run's data has.
    """

    seed: tuple[int, ...]

    def __new__(cls, index: int, seed: tuple[int, ...]) -> "SeededIndex":
        """An int with an attribute."""
        made = super().__new__(cls, index)
        made.seed = tuple(seed)
        return made

    def __reduce__(self) -> tuple:
        return SeededIndex, (int(self), self.seed)  # workers get indices pickled


@contextmanager
def draws_of(index: int) -> Iterator[None]:
    """Draw from numpy's global generator as the index says, then put its state back.

    A plain index changes nothing: its draws follow mmengine's seeds of the workers, which repeat
    for an equal number of workers.
    """
    if not isinstance(index, SeededIndex):
        yield
        return
    before = np.random.get_state()
    np.random.seed(index.seed)
    try:
        yield
    finally:
        np.random.set_state(before)
