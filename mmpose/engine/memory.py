"""Going on with smaller batches when the memory does not hold the larger ones."""

import gc
import logging
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import torch

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
# of the host, of pinned memory, and of libraries that ask the driver themselves
_MESSAGES = (
    "not enough memory",
    "can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of a GPU or of the host."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _MESSAGES)


def run_in_chunks(
    call: Callable[[slice], Answer], total: int, chunk: int, what: str, owner: object = None
) -> list[Answer]:
    """Work in chunks, halved whenever memory runs out; what is done is kept.

    Args:
        call: does the work of a slice of ``range(total)``.
        total: how much there is to do.
        chunk: how much to try at a time.
        what: of what, for the one line that is logged: ``images in the detector``.
        owner: notes the chunk that fitted in its ``fitting_chunks``, to start with it the next
            time; None: every call tries anew.

    Returns:
        The answers in order.

    Raises:
        torch.OutOfMemoryError, MemoryError, RuntimeError: a chunk of one does not fit.
    """
    fitting = {} if owner is None else vars(owner).setdefault("fitting_chunks", {})
    chunk = min(chunk, fitting.get(what, chunk))
    answers: list[Answer] = []
    start = 0
    while start < total:
        part = slice(start, min(start + chunk, total))
        size = part.stop - part.start
        try:
            answers.append(call(part))
            start = part.stop
            continue
        except (RuntimeError, MemoryError) as error:
            if size == 1 or not is_out_of_memory(error):
                raise
        # after the `except`: its error holds the frames, and these the memory
        fitting[what] = chunk = -(-size // 2)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        _tell(what, size, chunk)
    return answers


@cache  # once for each size
def _tell(what: str, size: int, chunk: int) -> None:
    logger.warning("out of memory with %d %s; going on with %d at a time", size, what, chunk)
