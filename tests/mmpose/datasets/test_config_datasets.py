"""The data of the published configs can be read and mixed, given files of their formats."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData

from mmpose.datasets import CIHPDataset
from mmpose.engine.config import load_config
from mmpose.registry import DATA_SAMPLERS, DATASETS, EVALUATOR, METRICS
from tests.mmpose.datasets.tiny_people import redirect, write_every_format

CONFIG_DIR = Path(__file__).resolve().parents[3] / "configs"
CONFIGS = [  # the other sizes take over the data of size b
    *sorted((CONFIG_DIR / "MaskPose").glob("*-b-*.py")),
    CONFIG_DIR / "PMPose" / "PMPose-b-1.0.0.py",
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


def test_what_the_config_for_cihp_poses_becomes_its_joints(world, tmp_path):
    folder, _ = world
    config = load_config(CONFIG_DIR / "PMPose" / "PMPose-b-1.0.0_cihp-poses.py")
    redirect(config.test_dataloader, folder, {"CIHPDataset": "annotations.json"})
    dataset = DATASETS.build(config.test_dataloader.dataset)
    files = {"ann_file": str(folder / "annotations.json"), "outfile_prefix": str(tmp_path / "out")}
    metric = METRICS.build(config.test_evaluator | files)
    metric.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        sample = dataset[index]["data_samples"]
        assert sample.mask_state == "used"
        sample.pred_instances = InstanceData(  # a model of 23 joints that sees every other one
            keypoints=np.full((1, 23, 2), index + 5.0),
            keypoint_scores=np.full((1, 23), 0.7),
            keypoints_probs=np.arange(23)[None] % 2 * 0.9,
        )
        metric.process(None, [sample.to_dict()])
    assert metric.evaluate(len(dataset)) == {}
    learnt = CIHPDataset(
        ann_file=files["ann_file"], keypoints_file=f"{files['outfile_prefix']}.keypoints.json"
    )
    assert len(learnt) == len(dataset)
    for index in range(len(learnt)):
        person = learnt.get_data_info(index)
        assert person["keypoints"][0, 16].tolist() == [index + 5] * 2
        assert person["keypoints_visible"][0].tolist() == [0, 1] * 8 + [0]
