"""People of an image in succession: nobody left out, the same order on any number of processes."""

import numpy as np
import pytest

from mmpose.datasets import CocoDataset, CombinedDataset, GroupedSampler
from tests.mmpose.datasets.tiny_people import write_people


class Images:
    """All that the sampler asks of a data set: 12 people, three on each of four images."""

    def image_paths(self):
        return ["b", "a", "c", "d"] * 3


def sampler(*, rank=0, world_size=1, monkeypatch=None, **settings):
    if monkeypatch is not None:
        monkeypatch.setattr(
            "mmpose.datasets.grouped_sampler.get_dist_info", lambda: (rank, world_size)
        )
    return GroupedSampler(Images(), **{"batch_size": 2, "seed": 0, **settings})


def test_people_of_an_image_follow_one_another():
    order = list(sampler())
    assert sorted(order) == list(range(12))
    images = np.array([index % 4 for index in order]).reshape(4, 3)
    assert (images == images[:, :1]).all()
    assert list(sampler(shuffle=False)) == [1, 5, 9, 0, 4, 8, 2, 6, 10, 3, 7, 11]


def test_an_epoch_has_its_own_order_and_seeds():
    one = sampler()
    first = list(one)
    one.set_epoch(1)
    second = list(one)
    assert first != second
    assert [index.seed for index in first] == [(0, 0, index) for index in first]
    assert [index.seed for index in second] == [(0, 1, index) for index in second]


def test_batches_are_dealt_out_in_turn(monkeypatch):
    whole = list(sampler())
    ranks = [list(sampler(rank=r, world_size=2, monkeypatch=monkeypatch)) for r in range(2)]
    assert ranks[0] == [*whole[0:2], *whole[4:6], *whole[8:10]]
    assert ranks[1] == [*whole[2:4], *whole[6:8], *whole[10:12]]


def test_what_makes_no_batch_for_all_is_cut_in_equal_parts(monkeypatch):
    whole = list(sampler())
    ranks = [
        list(sampler(rank=r, world_size=5, batch_size=2, monkeypatch=monkeypatch)) for r in range(5)
    ]
    # ten are dealt out; two are left for five, and the first three come again
    assert [len(rank) for rank in ranks] == [3] * 5
    assert [rank[2] for rank in ranks] == [*whole[10:], *whole[:3]]
    short = sampler(rank=4, world_size=5, monkeypatch=monkeypatch, round_up=False)
    assert len(list(short)) == 2


def test_a_resumed_epoch_goes_on_with_another_number_of_processes(monkeypatch):
    whole = list(sampler())
    stopped = sampler(rank=1, world_size=2, monkeypatch=monkeypatch)
    place = stopped.place(4)  # a batch of each
    assert place == {"epoch": 0, "samples": 4}
    resumed = sampler(rank=0, world_size=1, monkeypatch=monkeypatch)
    resumed.go_to(place)
    assert list(resumed) == whole[4:]
    assert resumed.samples_left() == 8
    assert resumed.place(2) == {"epoch": 0, "samples": 6}
    resumed.set_epoch(1)
    assert resumed.samples_left() == 12


def test_data_sets_name_the_image_of_each_sample(tmp_path):
    write_people(tmp_path, num_images=2)
    part = CocoDataset("annotations.json", data_root=str(tmp_path), data_prefix={"img": "images"})
    names = [path.rsplit("/", 1)[1] for path in part.image_paths()]
    assert names == ["1.png", "1.png", "2.png", "2.png"]
    both = CombinedDataset({"from_file": "coco.py"}, [part, part])
    assert both.image_paths() == part.image_paths() * 2
    drawn = CombinedDataset({"from_file": "coco.py"}, [part], sample_ratio_factor=[0.5])
    with pytest.raises(ValueError, match="another sampler than GroupedSampler"):
        GroupedSampler(drawn, 2)
