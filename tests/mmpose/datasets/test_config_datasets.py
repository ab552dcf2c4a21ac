"""The data of the published configs can be read and mixed, given files of their formats."""

from pathlib import Path

import pytest
from mmengine.dataset import pseudo_collate
from tiny_people import redirect, write_every_format

from mmpose.engine.config import load_config
from mmpose.registry import DATA_SAMPLERS, DATASETS, EVALUATOR, METRICS

CONFIG_DIR = Path(__file__).resolve().parents[3] / "configs"
CONFIGS = [  # the other sizes take over the data of size b
    *sorted((CONFIG_DIR / "MaskPose").glob("*-b-*.py")),
    *sorted((CONFIG_DIR / "PMPose").glob("*-b-*.py")),
    *sorted((CONFIG_DIR / "ProbPose").glob("*-base_*.py")),
    *sorted((CONFIG_DIR / "vitpose").glob("*-b*.py")),
]
# joints of a part that have a place in the skeleton of its model: all but those the spec leaves
# out (of COCO-WholeBody 17 + 6 + 10 + 2)
NUM_MAPPED = {"coco": 17, "coco_wholebody": 35, "mpii": 16, "aic": 14}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    return folder, write_every_format(folder)


def first_of_each_part(dataset):
    """Places of the first samples of the parts of a combined data set."""
    starts, total = [], 0
    for length in getattr(dataset, "lens", [len(dataset)]):
        starts.append(total)
        total += length
    return starts


def num_channels(config, part):
    heads = config.model.head.get("heads", [config.model.head])
    return heads[part if len(heads) > 1 else 0].out_channels


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_data_of_a_config_can_be_trained_and_tested_on(path, world):
    config = load_config(path)
    for key in ("train_dataloader", "val_dataloader", "val_evaluator"):
        redirect(config[key], *world)
    train = DATASETS.build(config.train_dataloader.dataset)
    for part, index in enumerate(first_of_each_part(train)):
        packed = train[index]["data_samples"]
        assert packed.gt_fields.heatmaps.shape == (num_channels(config, part), 64, 48)
        source = train.get_data_info(index)
        assert source["keypoints_visible"].sum() == NUM_MAPPED[source["dataset_name"]]
        assert len(source["flip_indices"]) == num_channels(config, part)
    sampler = DATA_SAMPLERS.build(
        config.train_dataloader.sampler, default_args={"dataset": train, "seed": 0}
    )
    if hasattr(sampler, "counts"):
        assert sum(sampler.counts) == config.train_dataloader.batch_size
    assert pseudo_collate([train[i] for i, _ in zip(sampler, range(2), strict=False)])
    val = DATASETS.build(config.val_dataloader.dataset)
    names = [val[i]["data_samples"].dataset_name for i in first_of_each_part(val)]
    if "metrics" in config.val_evaluator:
        assert list(EVALUATOR.build(config.val_evaluator).metric_of) == names
    else:
        assert METRICS.build(config.val_evaluator).prefix == "COCO"
