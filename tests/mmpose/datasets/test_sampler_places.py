"""Samplers that are sent to a place, also by another number of processes and another batch."""

import pytest

from mmpose.datasets.samplers import DefaultSampler, InfiniteSampler, MultiSourceSampler

LENGTH = 23


class Samples:
    """All that the samplers ask of a data set."""

    lens = (17, 6)

    def __len__(self):
        return LENGTH


def samplers(kind, processes, batch_size):
    """The samplers of all processes."""
    made = []
    for rank in range(processes):
        if kind is MultiSourceSampler:
            sampler = kind(Samples(), batch_size, [3, 1], seed=3)
        else:
            sampler = kind(Samples(), seed=3)
        sampler.rank, sampler.world_size = rank, processes
        if kind is DefaultSampler:  # mmengine works them out at once
            sampler.num_samples = -(-LENGTH // processes)
            sampler.total_size = sampler.num_samples * processes
        elif kind is MultiSourceSampler:
            sampler.num_batches = sampler._batches_in(LENGTH)
        made.append(sampler)
    return made


def take(iterators, count):
    """The next samples of all processes in turn, with their seeds, until one has no more."""
    drawn = []
    for _ in range(count):
        for iterator in iterators:
            index = next(iterator, None)
            if index is None:
                return drawn
            drawn.append((int(index), index.seed))
    return drawn


def start(kind, processes, batch_size, place):
    made = samplers(kind, processes, batch_size)
    for sampler in made:
        sampler.go_to(place)
    return made, [iter(sampler) for sampler in made]


@pytest.mark.parametrize("kind", [DefaultSampler, InfiniteSampler])
@pytest.mark.parametrize("processes", [(1, 2), (2, 1), (2, 2), (3, 2)], ids=str)
def test_the_stream_is_one_whoever_takes_from_it(kind, processes):
    """The first 12 samples by some processes and the rest by others are what one process sees."""
    begin = {"epoch": 0, "samples": 0}
    _, whole = start(kind, 1, 4, begin)
    expected = take(whole, LENGTH)
    first, iterators = start(kind, processes[0], 4, begin)
    shown = take(iterators, 12 // processes[0])
    place = first[0].place(12)
    _, iterators = start(kind, processes[1], 4, place)
    shown += take(iterators, -(-(LENGTH - 12) // processes[1]))
    # two processes fill up an odd number with a sample more
    assert shown[:LENGTH] == expected


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_pass_in_two_parts_has_all_samples_once(epoch):
    _, iterators = start(DefaultSampler, 2, 4, {"epoch": epoch, "samples": 0})
    first = take(iterators, 4)
    sampler, iterators = start(DefaultSampler, 3, 4, {"epoch": epoch, "samples": 8})
    assert [s.samples_left() for s in sampler] == [5, 5, 5]  # of 15
    rest = take(iterators, 5)
    assert sorted(index for index, _ in first + rest) == list(range(LENGTH))


def test_an_endless_stream_is_entered_after_many_passes():
    _, iterators = start(InfiniteSampler, 2, 4, {"epoch": 0, "samples": 0})
    whole = take(iterators, 2 * LENGTH)
    _, iterators = start(InfiniteSampler, 2, 4, {"epoch": 0, "samples": 3 * LENGTH + 1})
    assert take(iterators, 5) == whole[3 * LENGTH + 1 : 3 * LENGTH + 11]


def test_an_endless_stream_begins_at_its_place_each_time():
    (sampler,) = samplers(InfiniteSampler, 1, 4)
    assert take([iter(sampler)], 9) == take([iter(sampler)], 9)


@pytest.mark.parametrize("after", [(1, 4), (2, 4), (1, 8), (3, 8)], ids=str)
def test_sources_go_on_with_another_batch_and_number_of_processes(after):
    """17 and 6 samples, shares 3 and 1: no sample of a source comes before all had a turn."""
    first, iterators = start(MultiSourceSampler, 2, 4, {"epoch": 0, "samples": 0})
    shown = take(iterators, 8)  # two batches of each: 12 and 4 samples of the sources
    place = first[0].place(16)
    assert place == {"epoch": 0, "samples": 16, "positions": [12, 4]}
    processes, batch_size = after
    made, iterators = start(MultiSourceSampler, processes, batch_size, place)
    # 7 samples are left of 23
    expected = {(1, 4): 8, (2, 4): 4, (1, 8): 8, (3, 8): 8}[after]
    assert [sampler.samples_left() for sampler in made] == [expected] * processes
    shown += take(iterators, expected)
    for epoch in (1, 2):
        for sampler in made:
            sampler.set_epoch(epoch)
        shown += take([iter(sampler) for sampler in made], len(made[0]))
    for low, high in ((0, 17), (17, 23)):
        # seeds end with the place in the stream of the source
        places = {seed[-1]: index for index, seed in shown if low <= index < high}
        assert sorted(places) == list(range(len(places)))
        for begin in range(0, len(places) - (high - low), high - low):
            one_pass = [places[begin + step] for step in range(high - low)]
            assert sorted(one_pass) == list(range(low, high))


def test_sources_without_positions_began_with_the_settings_of_now():
    _, iterators = start(MultiSourceSampler, 1, 4, {"epoch": 0, "samples": 0})
    whole = take(iterators, LENGTH + 1)
    for epoch in (0, 1):
        (sampler,) = samplers(MultiSourceSampler, 1, 4)
        sampler.set_epoch(epoch)
        whole = take([iter(sampler)], LENGTH + 1)
        _, iterators = start(MultiSourceSampler, 1, 4, {"epoch": epoch, "samples": 8})
        assert take(iterators, LENGTH) == whole[8:]


def test_the_place_of_a_later_epoch_is_counted_from_its_start():
    (sampler,) = samplers(MultiSourceSampler, 1, 4)
    sampler.go_to({"epoch": 1, "samples": 8})
    # 6 batches and 2 more of 3 + 1
    assert sampler.place(4) == {"epoch": 1, "samples": 12, "positions": [27, 9]}
    sampler.set_epoch(2)
    assert sampler.place(0) == {"epoch": 2, "samples": 0, "positions": [36, 12]}
