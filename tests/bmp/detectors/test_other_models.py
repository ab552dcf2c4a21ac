"""Other architectures in the detector's place, with random weights, from mmdet's own configs."""

from pathlib import Path

import mmdet
import numpy as np
import pytest
import torch
from mmengine.config import Config

from bmp.detectors import RTMDetDetector
from bmp.structures import check_people

CONFIGS = Path(mmdet.__file__).parent / ".mim" / "configs"
SMALL = dict(type="ResNet", depth=18, out_indices=(0, 1, 2, 3), norm_eval=True, style="pytorch")


def open_config(name: str) -> Config:
    path = CONFIGS / name
    if not path.is_file():
        pytest.skip(f"mmdet was installed without its configs ({path})")
    config = Config.fromfile(path)
    if config.model.backbone.type == "ResNet":
        config.model.backbone = SMALL
        config.model.neck.in_channels = [64, 128, 256, 512]
    steps = config.test_dataloader.dataset.pipeline
    next(step for step in steps if step["type"] == "Resize")["scale"] = (128, 96)
    return config


def find(name: str, shapes: list[tuple[int, int]], **changes) -> list:
    torch.manual_seed(0)
    config = open_config(name)
    config.merge_from_dict({f"model.{key}": value for key, value in changes.items()})
    detector = RTMDetDetector(config, score_thr=0.0, nms_iou_thr=0.5, max_people=5)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
    people = detector.detect(images)
    for record in people:
        check_people(record)
        assert 1 <= len(record) <= 5
        assert (record.bbox_scores.diff() <= 0).all()
    return people


SHAPES = [(90, 120), (200, 150), (40, 40)]


def test_mask_rcnn_gives_people_with_masks():
    changes = {
        "test_cfg.rcnn.score_thr": 0.0,
        "test_cfg.rpn.max_per_img": 20,
        "roi_head.bbox_head.num_classes": 1,
        "roi_head.mask_head.num_classes": 1,
    }
    people = find("mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py", SHAPES, **changes)
    for record, (height, width) in zip(people, SHAPES, strict=True):
        assert record.masks.shape[1:] == (height, width)
        assert record.bboxes[:, 0::2].max() <= width
        # a box masks nothing outside itself
        for mask, (x1, y1, x2, y2) in zip(record.masks, record.bboxes, strict=True):
            rows, columns = mask.nonzero(as_tuple=True)
            assert len(rows) == 0 or (rows.min() >= y1 - 1 and rows.max() <= y2 + 1)
            assert len(rows) == 0 or (columns.min() >= x1 - 1 and columns.max() <= x2 + 1)


@pytest.mark.slow
def test_solov2_that_gives_no_boxes_gets_those_of_its_masks():
    changes = {
        "test_cfg.score_thr": 0.0,
        "test_cfg.filter_thr": 0.0,
        "test_cfg.nms_pre": 30,
        "mask_head.num_classes": 1,
    }
    for record in find("solov2/solov2_r50_fpn_1x_coco.py", SHAPES[:1], **changes):
        assert "masks" in record
        for mask, box in zip(record.masks, record.bboxes.tolist(), strict=True):
            rows, columns = mask.nonzero(as_tuple=True)
            tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert box == [float(side) for side in tight]


@pytest.mark.parametrize(
    "name",
    [
        "retinanet/retinanet_r50_fpn_1x_coco.py",
        pytest.param("yolox/yolox_tiny_8xb8-300e_coco.py", marks=pytest.mark.slow),
    ],
)
def test_detectors_without_masks_give_people_without(name):
    changes = {"test_cfg.score_thr": 0.0, "bbox_head.num_classes": 1}
    for record in find(name, SHAPES, **changes):
        assert "masks" not in record
