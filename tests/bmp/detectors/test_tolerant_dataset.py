"""Files of all kinds in the middle of a data set: training and testing go on."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoMetric
from mmengine.registry import DefaultScope

from bmp.mmdet_modules import CocoHumanDataset, TolerantCocoDataset
from mmpose.engine.config import load_config
from mmpose.engine.runner import StrictRunner

DEMO = Path(__file__).parents[3] / "configs/demo/rtmdet-ins_lite0_synthcrowd-320x320.py"
SQUARE = [10, 10, 40, 10, 40, 40, 10, 40]
LOAD = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True),
]
PACK = dict(
    type="PackDetInputs", meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
)
RESIZE = dict(type="Resize", scale=(64, 64), keep_ratio=True)
TEST = [*LOAD, RESIZE, PACK]
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


def annotation(image_id, segmentation=(SQUARE,), bbox=(10, 10, 30, 30), **fields):
    return {
        "image_id": image_id,
        "category_id": 1,
        "bbox": list(bbox),
        "area": 900,
        "iscrowd": 0,
        "segmentation": [list(polygon) for polygon in segmentation],
        **fields,
    }


def write(folder, images, annotations):
    """A COCO file of images given as arrays, bytes, or None for a missing file."""
    (folder / "images").mkdir()
    entries = []
    for image_id, image in enumerate(images):
        path = folder / "images" / f"{image_id}.png"
        if isinstance(image, np.ndarray):
            cv2.imwrite(str(path), image)
        elif image is not None:
            path.write_bytes(image)
        height, width = image.shape[:2] if isinstance(image, np.ndarray) else (50, 60)
        entries.append({"id": image_id, "file_name": path.name, "height": height, "width": width})
    for identity, entry in enumerate(annotations, start=1):
        entry["id"] = identity
    content = {"images": entries, "annotations": annotations}
    content["categories"] = [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}]
    (folder / "annotations.json").write_text(json.dumps(content))


def open_dataset(folder, pipeline, kind=CocoHumanDataset, **arguments):
    with DefaultScope.overwrite_default_scope("mmdet"):
        return kind(
            data_root=str(folder),
            ann_file="annotations.json",
            data_prefix=dict(img="images/"),
            pipeline=pipeline,
            **arguments,
        )


GOOD = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
PNG = cv2.imencode(".png", GOOD)[1].tobytes()
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


def test_annotations_that_cannot_be_used_are_counted(tmp_path):
    annotations = [
        annotation(0),
        annotation(0, bbox=(100, 100, 20, 20)),  # outside
        annotation(0, bbox=(10, 10, 0, 30)),  # no width
        annotation(0, segmentation=[[1, 1, 5, 5]]),  # two points
        annotation(0, segmentation=[]),
        annotation(0, category_id=2),
    ]
    del annotations[4]["segmentation"]
    write(tmp_path, [GOOD], annotations)
    dataset = open_dataset(tmp_path, TEST)
    assert dataset.counts == {"all": 5, "dropped": 2, "without mask": 2}
    sample = dataset[0]["data_samples"]
    assert len(sample.gt_instances) == 1
    assert len(sample.ignored_instances) == 2
    with_polygons = [LOAD[0], dict(LOAD[1], poly2mask=False), RESIZE, PACK]
    assert len(open_dataset(tmp_path, with_polygons)[0]["data_samples"].gt_instances) == 1


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        {},
        {"counts": [0, 100], "size": [10, 10]},  # of another image
        [1, 2, 3, 4, 5, 6],
        [None],
    ],
)
def test_a_mask_that_is_none_is_counted_and_ignored(tmp_path, segmentation):
    write(tmp_path, [GOOD], [annotation(0), annotation(0) | {"segmentation": segmentation}])
    dataset = open_dataset(tmp_path, TEST)
    assert dataset.counts == {"all": 2, "dropped": 0, "without mask": 1}
    sample = dataset[0]["data_samples"]
    assert (len(sample.gt_instances), len(sample.ignored_instances)) == (1, 1)


@pytest.mark.parametrize("bbox", [[1, 2, 3], [0, 0, float("nan"), 5], ["0", 0, 5, 5]])
def test_a_box_that_is_not_four_numbers_is_named(tmp_path, bbox):
    write(tmp_path, [GOOD], [annotation(0), annotation(0, bbox=bbox)])
    with pytest.raises(ValueError, match=r"annotation 2 of .*: bbox must be four finite numbers"):
        open_dataset(tmp_path, TEST)


def test_all_categories_are_kept_where_asked_for(tmp_path):
    write(tmp_path, [GOOD], [annotation(0), annotation(0, category_id=2)])
    classes = {"classes": ("person", "bicycle")}
    dataset = open_dataset(tmp_path, TEST, TolerantCocoDataset, metainfo=classes)
    assert dataset[0]["data_samples"].gt_instances.labels.tolist() == [0, 1]


@pytest.mark.parametrize("field", ["bbox", "area", "category_id"])
def test_an_annotation_without_a_field_is_named(tmp_path, field):
    entry = annotation(0)
    del entry[field]
    write(tmp_path, [GOOD], [entry])
    with pytest.raises((ValueError, KeyError), match=field):
        open_dataset(tmp_path, TEST)


def test_people_of_an_unusable_image_count_as_missed(tmp_path):
    """Both people are found, but one only by name: recall and AP at one of two are 0.505."""
    write(tmp_path, [GOOD, b""], [annotation(0), annotation(1)])
    dataset = open_dataset(tmp_path, [LOAD[0], RESIZE, PACK], test_mode=True)
    metric = CocoMetric(str(tmp_path / "annotations.json"), metric="bbox")
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
