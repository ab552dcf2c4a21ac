"""Files of all kinds in the middle of a data set: training and testing go on."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bmp.detector_training import DetectionMetric, TolerantCocoDataset
from mmpose.engine.config import load_config
from mmpose.engine.runner import StrictRunner
from tests.bmp.detector_training.detector_files import (
    GOOD,
    LOAD,
    PACK,
    PNG,
    RESIZE,
    TEST,
    annotation,
    open_dataset,
    write,
)

DEMO = Path(__file__).parents[3] / "configs/demo/rtmdet-ins_lite0_synthcrowd-320x320.py"
TRAIN = [
    *LOAD,
    dict(type="RemoveRandomInstances", prob=0.5),
    dict(type="CachedMosaic", img_scale=(64, 64), max_cached_images=4, prob=0.5),
    dict(type="RandomResize", scale=(64, 64), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(64, 64), recompute_bbox=True, allow_negative_crop=True),
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1), keep_empty=False),
    dict(type="Pad", size=(64, 64), pad_val=dict(img=(114, 114, 114))),
    PACK,
]


UNUSABLE = {
    "missing": None,
    "empty": b"",
    "no image": b"these are words",
    "header alone": PNG[:40],
    "1x10000": np.zeros((1, 10000, 3), np.uint8),
}
USABLE = {
    "grey": GOOD[..., 0],
    "4 channels": np.dstack([GOOD, GOOD[..., :1]]),
    "16 bits": GOOD.astype(np.uint16) * 256,
    "1x1": np.zeros((1, 1, 3), np.uint8),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_in_a_test_an_unusable_image_is_counted_and_empty(tmp_path, name):
    write(tmp_path, [GOOD, UNUSABLE[name], GOOD], [annotation(n) for n in range(3)])
    dataset = open_dataset(tmp_path, TEST, test_mode=True)
    samples = [dataset[n] for n in range(3)]
    assert dataset.num_skipped == 1
    assert [sample["data_samples"].img_id for sample in samples] == [0, 1, 2]
    assert [len(sample["data_samples"].gt_instances) for sample in samples] == [1, 0, 1]
    assert samples[1]["inputs"].max() == 0


@pytest.mark.parametrize("name", USABLE)
def test_images_of_other_kinds_are_used(tmp_path, name):
    write(tmp_path, [USABLE[name]], [annotation(0, bbox=(0, 0, 1, 1))])
    dataset = open_dataset(tmp_path, TEST, test_mode=True)
    assert dataset[0]["inputs"].shape[0] == 3
    assert dataset.num_skipped == 0


def test_training_draws_another_image(tmp_path):
    np.random.seed(0)
    images = [GOOD, *UNUSABLE.values(), *USABLE.values()]
    write(tmp_path, images, [annotation(n) for n in range(len(images))])
    dataset = open_dataset(tmp_path, TRAIN)
    for n in range(len(images)):
        assert dataset[n]["inputs"].shape == (3, 64, 64)
    assert dataset.num_skipped >= len(UNUSABLE)


def test_a_data_set_of_nothing_usable_ends_with_a_message(tmp_path):
    write(tmp_path, [b""], [annotation(0)])
    dataset = open_dataset(tmp_path, TEST, max_refetch=3)
    with pytest.raises(Exception, match="Cannot find valid image after 3!"):
        dataset[0]
    assert dataset.num_skipped == 4


def test_all_categories_are_kept_where_asked_for(tmp_path):
    write(tmp_path, [GOOD], [annotation(0), annotation(0, category_id=2)])
    classes = {"classes": ("person", "bicycle")}
    dataset = open_dataset(tmp_path, TEST, TolerantCocoDataset, metainfo=classes)
    assert dataset[0]["data_samples"].gt_instances.labels.tolist() == [0, 1]


def test_people_of_an_unusable_image_count_as_missed(tmp_path):
    """Both people are found, but one only by name: recall and AP at one of two are 0.505."""
    write(tmp_path, [GOOD, b""], [annotation(0), annotation(1)])
    dataset = open_dataset(tmp_path, [LOAD[0], RESIZE, PACK], test_mode=True)
    metric = DetectionMetric(str(tmp_path / "annotations.json"), metric="bbox")
    metric.dataset_meta = dataset.metainfo
    for n, bboxes in enumerate([[[10.0, 10, 40, 40]], []]):
        sample = dataset[n]["data_samples"].to_dict()
        array = np.array(bboxes, np.float32).reshape(-1, 4)
        found = {
            "bboxes": torch.from_numpy(array),
            "scores": torch.ones(len(array)),
            "labels": torch.zeros(len(array), dtype=int),
        }
        metric.process({}, [sample | {"pred_instances": found}])
    assert metric.evaluate(2)["coco/bbox_mAP"] == pytest.approx(0.505, abs=1e-3)


@pytest.mark.slow
def test_training_and_evaluation_go_on(tmp_path):
    np.random.seed(0)
    images = [GOOD, *UNUSABLE.values(), *USABLE.values()]
    write(tmp_path, images, [annotation(n) for n in range(len(images))])
    config = load_config(DEMO)
    data = dict(
        type="CocoHumanDataset",
        data_root=str(tmp_path),
        ann_file="annotations.json",
        data_prefix=dict(img="images/"),
    )
    config.merge_from_dict(
        {
            "work_dir": str(tmp_path / "work"),
            "load_from": None,
            "model.backbone.pretrained_file": None,
            "train_cfg.max_iters": 6,
            "train_cfg.val_interval": 6,
            "val_evaluator.ann_file": str(tmp_path / "annotations.json"),
            # its sheets read some of the images once more, which would be counted
            "default_hooks.samples.num_fixed": 0,
            "default_hooks.samples.num_worst": 0,
        }
    )
    loader = {"num_workers": 0, "persistent_workers": False, "batch_size": 2}
    train, test = {**data, "pipeline": TRAIN}, {**data, "pipeline": TEST, "test_mode": True}
    config.train_dataloader = {**config.train_dataloader, **loader, "dataset": train}
    config.val_dataloader = {**config.val_dataloader, **loader, "dataset": test}
    config.test_dataloader, config.test_evaluator = config.val_dataloader, config.val_evaluator
    config.vis_backends = config.visualizer.vis_backends = [{"type": "LocalVisBackend"}]
    config.custom_hooks = []
    runner = StrictRunner.from_config(config)
    runner.train()
    assert runner.iter == 6
    assert runner.val_loop.dataloader.dataset.num_skipped == len(UNUSABLE)
