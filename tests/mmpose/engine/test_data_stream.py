import pytest
from torch.utils.data import BatchSampler, DataLoader

from mmpose.datasets.samplers import DefaultSampler
from mmpose.engine.data_stream import DataStream, is_endless


def loader(**settings):
    return DataLoader(range(10), batch_size=4, **settings)


def test_a_stream_goes_on_in_the_middle_of_a_pass_and_then_with_the_next():
    def batches(stream, count):
        return [stream.next_batch().tolist() for _ in range(count)]

    whole = DataStream(loader(sampler=DefaultSampler(range(10), seed=1)))
    expected = batches(whole, 6)
    assert [len(batch) for batch in expected] == [4, 4, 2, 4, 4, 2]
    first = DataStream(loader(sampler=DefaultSampler(range(10), seed=1)))
    assert batches(first, 4) == expected[:4]
    assert first.place() == {"epoch": 1, "samples": 4}
    rest = DataStream(loader(sampler=DefaultSampler(range(10), seed=1)))
    rest.go_to(first.place())
    assert batches(rest, 2) == expected[4:]


@pytest.mark.parametrize(("drop_last", "gone"), [(False, 1), (True, 1)])
def test_a_resumed_pass_knows_how_many_batches_are_gone(drop_last, gone):
    stream = DataStream(
        loader(sampler=DefaultSampler(range(10), shuffle=False, seed=1), drop_last=drop_last)
    )
    stream.go_to({"epoch": 0, "samples": 4})
    assert stream.begin_pass() == gone
    rest = [batch.tolist() for batch in stream.rest_of_pass()]
    assert rest == ([[4, 5, 6, 7]] if drop_last else [[4, 5, 6, 7], [8, 9]])
    # after its last batch the stream stands before the next pass
    assert stream.place() == {"epoch": 1, "samples": 0}
    assert stream.begin_pass() == 0


def test_a_pass_that_was_ended_exactly_gives_nothing_more():
    stream = DataStream(loader(sampler=DefaultSampler(range(10), seed=1)))
    stream.go_to({"epoch": 0, "samples": 12})  # the last batch was filled up
    assert stream.begin_pass() == 3
    assert list(stream.rest_of_pass()) == []


class PairsFirst(BatchSampler):
    """Sorts its samples, as mmdet does by aspect ratio."""


def test_what_cannot_jump_begins_anew_and_says_so(capsys):
    sampler = DefaultSampler(range(10), shuffle=False, seed=1)
    stream = DataStream(
        DataLoader(range(10), batch_sampler=PairsFirst(sampler, 4, drop_last=False))
    )
    stream.go_to({"epoch": 2, "samples": 4})
    told = "".join(capsys.readouterr())
    assert "DefaultSampler in PairsFirst cannot jump into epoch 2: its data starts anew" in told
    assert stream.next_batch().tolist() == [0, 1, 2, 3]
    assert not is_endless(sampler)
