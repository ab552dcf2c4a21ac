"""Smaller chunks when memory runs out."""

import logging
from types import SimpleNamespace

import pytest
import torch

from mmpose.engine.memory import is_out_of_memory, run_in_chunks


def room_for(most):
    """Work that fits up to ``most`` at a time, and the sizes that were tried."""
    tried = []

    def call(part):
        tried.append(part.stop - part.start)
        if tried[-1] > most:
            raise torch.OutOfMemoryError("no room")
        return list(range(part.start, part.stop))

    return call, tried


@pytest.mark.parametrize(
    ("total", "chunk", "most", "tried", "fitting"),
    [
        pytest.param(5, 2, 2, [2, 2, 1], 2, id="fits as it is"),
        pytest.param(10, 8, 4, [8, 4, 4, 2], 4, id="halved once"),
        pytest.param(7, 7, 1, [7, 4, 2, 1, 1, 1, 1, 1, 1, 1], 1, id="down to one"),
        pytest.param(0, 4, 4, [], 4, id="nothing to do"),
    ],
)
def test_chunks_are_halved_until_they_fit(total, chunk, most, tried, fitting):
    call, sizes = room_for(most)
    owner = SimpleNamespace()
    answers = run_in_chunks(call, total, chunk, "things", owner)
    assert [n for part in answers for n in part] == list(range(total))
    assert (sizes, owner.fitting_chunks.get("things", chunk)) == (tried, fitting)


def test_what_fitted_is_where_the_owner_starts_the_next_time():
    owner, (call, tried) = SimpleNamespace(), room_for(2)
    run_in_chunks(call, 4, 4, "things", owner)
    del tried[:]
    run_in_chunks(call, 4, 4, "things", owner)
    assert tried == [2, 2]
    run_in_chunks(call, 1, 1, "things", owner)  # never more than is asked for
    run_in_chunks(room_for(4)[0], 4, 4, "other things", owner)
    assert owner.fitting_chunks == {"things": 2}


def test_one_that_does_not_fit_is_an_error():
    with pytest.raises(torch.OutOfMemoryError):
        run_in_chunks(room_for(0)[0], 4, 4, "things")


def test_other_errors_are_not_swallowed():
    def fail(part):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        run_in_chunks(fail, 4, 4, "things")


def test_it_is_said_once(caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            run_in_chunks(room_for(3)[0], 6, 6, "made-up people")
    told = [record.getMessage() for record in caplog.records]
    assert told == ["out of memory with 6 made-up people; going on with 3 at a time"]


def test_the_hosts_memory_counts_too():
    text = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    assert is_out_of_memory(RuntimeError(text))
    assert is_out_of_memory(MemoryError())
    # cuBLAS and pinned memory have no error class of their own
    text = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    assert is_out_of_memory(RuntimeError(text))
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access"))
    assert not is_out_of_memory(ValueError("not enough memory"))
