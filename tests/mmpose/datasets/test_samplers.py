"""Batches that mix several sources in fixed shares."""

import multiprocessing
from types import SimpleNamespace

import numpy as np
import pytest
import torch.distributed as torch_dist

from mmpose.datasets import MultiSourceSampler
from mmpose.datasets.samplers import split_batch


class Lengths:
    """All that the sampler asks of a combined data set."""

    def __init__(self, *lens):
        self.lens = list(lens)


@pytest.mark.parametrize(
    ("batch_size", "expected"), [(128, [36, 5, 87]), (64, [19, 2, 43]), (32, [10, 1, 21])]
)
def test_shares_of_a_batch_are_those_of_the_published_code(batch_size, expected):
    assert split_batch(batch_size, [149813, 22246, 378352]) == expected


def test_every_batch_mixes_the_sources():
    sampler = MultiSourceSampler(Lengths(30, 10), 5, [3, 2], seed=0)
    indices = list(sampler)
    assert len(indices) == len(sampler) == 40
    for batch in np.reshape(indices, (8, 5)):
        assert (batch < 30).tolist() == [True] * 3 + [False] * 2


def test_a_source_is_used_up_before_it_is_repeated():
    sampler = MultiSourceSampler(Lengths(12, 100), 4, [3, 1], seed=0)
    first_source = [index for index in sampler if index < 12]
    assert sorted(first_source[:12]) == list(range(12))


def test_a_resumed_epoch_goes_on_where_it_stopped():
    whole = MultiSourceSampler(Lengths(30, 10), 5, [3, 2], seed=0)
    whole.set_epoch(1)
    rest = MultiSourceSampler(Lengths(30, 10), 5, [3, 2], seed=0)
    rest.go_to({"epoch": 1, "samples": 15})
    assert list(rest) == list(whole)[15:]


@pytest.mark.parametrize("length", [9, 10])
def test_ranks_share_a_pass_without_overlap(length):
    samplers = [MultiSourceSampler(Lengths(length), 1, [1], seed=0) for _ in range(2)]
    for rank, sampler in enumerate(samplers):
        sampler.rank, sampler.world_size = rank, 2
    streams = [sampler._stream(0, 0) for sampler in samplers]
    drawn = [next(stream) for _ in range(length) for stream in streams]
    assert sorted(drawn[:length]) == list(range(length))
    assert sorted(drawn) == sorted(list(range(length)) * 2)


def test_epochs_are_shuffled_differently():
    sampler = MultiSourceSampler(Lengths(20), 5, [1], seed=0)
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_a_ratio_for_each_source_is_asked_for():
    with pytest.raises(ValueError, match="source_ratio needs 2 entries"):
        MultiSourceSampler(Lengths(1, 1), 2, [1], seed=0)


def draw_two_epochs(rank, meeting_point, results):
    torch_dist.init_process_group("gloo", f"file://{meeting_point}", rank=rank, world_size=2)
    sampler = MultiSourceSampler(Lengths(13, 7, 30), 4, [2, 1, 1])  # the seed is agreed on
    first = list(sampler)
    sampler.set_epoch(1)
    results.put((rank, first + list(sampler)))
    torch_dist.destroy_process_group()


def test_two_processes_share_the_sources(tmp_path):
    """Two real gloo processes: disjoint, together complete, shares of every batch kept."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [
        context.Process(target=draw_two_epochs, args=(rank, tmp_path / "meet", results))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    drawn = dict(results.get(timeout=600) for _ in processes)
    for process in processes:
        process.join(timeout=600)
    assert [process.exitcode for process in processes] == [0, 0]
    both = np.array([drawn[0], drawn[1]])
    # half of 50 people in batches of 4, rounded up: 7 batches an epoch and rank
    assert both.shape == (2, 2 * 28)
    sources = np.searchsorted([13, 20, 50], both, side="right")
    batches = sources.reshape(2, 14, 4)
    assert (batches == [0, 0, 1, 2]).all()
    for source, start, length in ((0, 0, 13), (1, 13, 7), (2, 20, 30)):
        streams = both[sources == source].reshape(2, -1)
        dealt = streams.T.ravel()  # in the order in which the ranks draw
        one_pass = dealt[:length]
        assert len(set(one_pass.tolist())) == len(one_pass)  # disjoint
        if len(dealt) >= length:  # complete before anything comes again
            assert sorted(one_pass.tolist()) == list(range(start, start + length))


@pytest.mark.parametrize(
    ("lens", "ratio", "message"),
    [
        ((5, 0), [1, 1], r"parts \[1\] of the data set have no samples"),
        ((5, 5), [0, 0], "not all 0"),
        ((5, 5), [2, -1], "shares of 0 or more"),
    ],
    ids=["empty part", "all 0", "negative"],
)
def test_shares_that_cannot_be_drawn_are_refused(lens, ratio, message):
    with pytest.raises(ValueError, match=message):
        MultiSourceSampler(Lengths(*lens), 4, ratio, seed=0)


def test_an_empty_part_without_a_share_is_no_problem():
    drawn = list(MultiSourceSampler(Lengths(5, 0), 4, [1, 0], seed=0))
    assert set(drawn) == set(range(5))


def test_a_part_that_no_batch_has_room_for_is_told():
    """8 * 22246 / 550411 = 0.32 samples, rounded down."""
    with pytest.warns(UserWarning, match=r"no room for a sample of parts \[1\]"):
        sampler = MultiSourceSampler(Lengths(9, 9, 9), 8, [149813, 22246, 378352], seed=0)
    assert sampler.counts == [3, 0, 5]


def test_fewer_samples_than_a_batch_are_an_epoch_only_where_they_are_rounded_up():
    parts = SimpleNamespace(lens=[3, 2])
    settings = {"batch_size": 8, "source_ratio": [1, 1], "seed": 0}
    assert len(list(MultiSourceSampler(parts, **settings))) == 8
    with pytest.raises(ValueError, match=r"an epoch has no batch: 5 samples .* of 8"):
        MultiSourceSampler(parts, round_up=False, **settings)
    assert len(MultiSourceSampler(parts, round_up=False, **settings | {"batch_size": 5})) == 5
