"""Augmentation that repeats: under a seed, across workers, after a resume."""

import pickle
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate, worker_init_fn
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from mmpose.datasets import CocoDataset, CombinedDataset, MultiSourceSampler
from mmpose.datasets.seeded_index import SeededIndex, draws_of
from mmpose.registry import DATA_SAMPLERS
from tests.mmpose.datasets.tiny_people import write_people

CODEC = {"type": "OKSArgMaxHeatmap", "input_size": (48, 64), "heatmap_size": (12, 16)}
NOISE = {"erode_prob": 0.5, "dilate_prob": 0.5, "dilate_amount": 0.1}
PIPELINE = [
    {"type": "LoadImage"},
    {"type": "GetBBoxCenterScale"},
    {"type": "MaskBackground", "prob": 0.8, "alpha": 0.25, **NOISE},
    {"type": "RandomFlip"},
    {"type": "RandomHalfBody"},
    {"type": "RandomBBoxTransform"},
    {"type": "RandomEdgesBlackout", "prob": 0.5, "texture_prob": 0.5, "context_size": 1.5},
    {"type": "TopdownAffine", "input_size": (48, 64), "use_udp": True},
    {"type": "PhotometricDistortion"},
    {"type": "RandomPatchesBlackout", "prob": 0.5},
    {"type": "GenerateTarget", "encoder": CODEC},
    {"type": "PackPoseInputs"},
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    write_people(folder, num_images=4)
    part = CocoDataset("annotations.json", data_root=str(folder), data_prefix={"img": "images"})
    with DefaultScope.overwrite_default_scope("mmpose"):
        return CombinedDataset({"from_file": "coco.py"}, [part, part], PIPELINE)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """A data set that is no part of a combined one."""
    folder = tmp_path_factory.mktemp("single")
    write_people(folder, num_images=4)
    with DefaultScope.overwrite_default_scope("mmpose"):
        return CocoDataset(
            "annotations.json",
            data_root=str(folder),
            data_prefix={"img": "images"},
            pipeline=PIPELINE,
        )


def crops(dataset, *, seed=0, skipped=0, **process):
    """An epoch of mixed batches, see `load`."""
    sampler = MultiSourceSampler(dataset, 4, [3, 1], seed=seed)
    sampler.go_to({"epoch": 0, "samples": skipped})
    return load(dataset, sampler, **process)


def load(dataset, sampler, *, num_workers=0, process_seed=0):
    """Crops and targets of an epoch as mmengine's runner loads them, (n, ...) each."""
    np.random.seed(process_seed)
    loader = DataLoader(
        dataset,
        batch_size=4,
        sampler=sampler,
        num_workers=num_workers,
        collate_fn=pseudo_collate,
        worker_init_fn=partial(worker_init_fn, num_workers=num_workers, rank=0, seed=process_seed),
    )
    batches = list(loader)
    images = torch.stack([image for batch in batches for image in batch["inputs"]])
    samples = [sample for batch in batches for sample in batch["data_samples"]]
    return images, torch.stack([sample.gt_fields.heatmaps for sample in samples])


def test_the_seed_decides_and_neither_workers_nor_the_process_do(dataset):
    alone = crops(dataset)
    for again in (
        crops(dataset, process_seed=7),
        crops(dataset, num_workers=1),
        crops(dataset, num_workers=2, process_seed=3),
    ):
        for want, got in zip(alone, again, strict=True):
            assert torch.equal(want, got)
    assert not torch.equal(alone[0], crops(dataset, seed=1)[0])


def test_after_a_resume_the_rest_looks_as_it_would_have(dataset):
    whole, rest = crops(dataset), crops(dataset, skipped=8, num_workers=1)
    for want, got in zip(whole, rest, strict=True):
        assert len(got) == len(want) - 8
        assert torch.equal(want[8:], got)


def default_sampler(dataset, *, epoch=0, **settings):
    """What a config with ``type="DefaultSampler"`` gets."""
    sampler = DATA_SAMPLERS.build(
        {"type": "DefaultSampler", "seed": 5, **settings}, default_args={"dataset": dataset}
    )
    sampler.set_epoch(epoch)
    return sampler


def test_the_default_sampler_gives_the_same_batches_with_any_number_of_workers(single):
    images, heatmaps = load(single, default_sampler(single))
    assert len(images) == 8
    for num_workers in (1, 2):
        sampler = default_sampler(single)
        again = load(single, sampler, num_workers=num_workers, process_seed=num_workers)
        assert torch.equal(images, again[0])
        assert torch.equal(heatmaps, again[1])


def test_every_epoch_draws_anew_and_a_resumed_one_goes_on(single):
    first = load(single, default_sampler(single, shuffle=False))[0]
    second = load(single, default_sampler(single, shuffle=False, epoch=1))[0]
    assert not any(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    resumed = default_sampler(single, shuffle=False)
    resumed.go_to({"epoch": 1, "samples": 4})
    assert torch.equal(load(single, resumed, num_workers=1, process_seed=9)[0], second[4:])


def test_processes_share_what_one_would_draw(single):
    alone = {index: index.seed for index in default_sampler(single)}
    shares = []
    for rank in range(2):
        sampler = default_sampler(single)
        sampler.rank, sampler.world_size = rank, 2
        shares.append({index: index.seed for index in sampler})
    assert shares[0] | shares[1] == alone
    assert not shares[0].keys() & shares[1].keys()


def test_an_endless_stream_has_a_seed_for_each_place(single):
    def stream():
        config = {"type": "InfiniteSampler", "seed": 5}
        sampler = DATA_SAMPLERS.build(config, default_args={"dataset": single})
        return list(islice(sampler, 24))

    places = stream()
    assert sorted(places[:8]) == sorted(places[8:16]) == list(range(8))
    assert len({index.seed for index in places}) == 24
    assert [index.seed for index in places] == [index.seed for index in stream()]


def test_a_person_looks_different_each_time_it_comes(dataset):
    images = [dataset[SeededIndex(0, (0, 0, place))]["inputs"] for place in range(6)]
    assert len({image.numpy().tobytes() for image in images}) == 6


def test_draws_leave_the_global_state_alone():
    index = pickle.loads(pickle.dumps(SeededIndex(5, (1, 2))))
    assert (index, index.seed) == (5, (1, 2))
    np.random.seed(0)
    want = np.random.random()
    np.random.seed(0)
    with draws_of(index):
        first = np.random.random()
    assert np.random.random() == want
    with draws_of(SeededIndex(9, (1, 2))):
        assert np.random.random() == first
    with draws_of(5):  # a plain index goes on with the process's numbers
        np.random.seed(0)
        assert np.random.random() == want
