import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.registry import init_default_scope

from bmp.detectors import RTMDetDetector
from bmp.detectors.rtmdet import build_mmdet_model
from mmpose.engine.config import load_config
from mmpose.engine.runner import StrictRunner

DEMO = Path(__file__).parents[3] / "configs/demo/rtmdet-ins_lite0_synthcrowd-320x320.py"


@pytest.fixture
def folder(tmp_path):
    """Eight images with one or two bright boxes each, in COCO format."""
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for image_id in range(8):
        image = rng.integers(0, 60, (90, 120, 3), dtype=np.uint8)
        for _ in range(1 + image_id % 2):
            x, y = (int(v) for v in rng.integers(5, 50, 2))
            image[y : y + 35, x : x + 30] = (40, 200, 230)
            corners = [x, y, x + 30, y, x + 30, y + 35, x, y + 35]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": 1,
                    "bbox": [x, y, 30, 35],
                    "area": 1050,
                    "iscrowd": 0,
                    "segmentation": [corners],
                }
            )
        name = f"{image_id:06d}.png"
        cv2.imwrite(str(tmp_path / "images" / name), image)
        images.append({"id": image_id, "file_name": name, "width": 120, "height": 90})
    content = {"images": images, "annotations": annotations}
    content["categories"] = [{"id": 1, "name": "person"}]
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    return tmp_path


def small_run(folder, *, max_iters: int):
    config = load_config(DEMO)
    config.merge_from_dict(
        {
            "work_dir": str(folder / "work"),
            "load_from": None,
            "model.backbone.pretrained_file": None,
            "model.test_cfg.score_thr": 0.0,
            "train_dataloader.num_workers": 0,
            "train_dataloader.persistent_workers": False,
            "train_dataloader.batch_size": 2,
            "val_dataloader.num_workers": 0,
            "val_dataloader.dataset.data_root": str(folder),
            "val_evaluator.ann_file": str(folder / "annotations.json"),
            "train_cfg.max_iters": max_iters,
            "train_cfg.val_interval": max_iters,
            "default_hooks.checkpoint.interval": 2,
            "default_hooks.logger.interval": 1,
        }
    )
    config.vis_backends = config.visualizer.vis_backends = [{"type": "LocalVisBackend"}]
    config.train_dataloader.dataset = {**config.synthetic, "data_root": str(folder)}
    config.test_dataloader = config.val_dataloader
    config.test_evaluator = config.val_evaluator
    return config


def test_one_step_has_finite_losses_with_and_without_people(folder):
    np.random.seed(0)
    torch.manual_seed(0)
    config = small_run(folder, max_iters=1)
    init_default_scope("mmdet")
    model = build_mmdet_model(config.model).train()
    dataset = DATASETS.build(config.train_dataloader.dataset)
    samples = [dataset[index] for index in range(4)]
    for sample in samples[:2]:
        sample["data_samples"].gt_instances = sample["data_samples"].gt_instances[:0]
    for part in (samples, samples[:2]):
        batch = {key: [sample[key] for sample in part] for key in ("inputs", "data_samples")}
        losses = model(**model.data_preprocessor(batch, True), mode="loss")
        total = sum(torch.stack([*v]).sum() if isinstance(v, list) else v for v in losses.values())
        assert torch.isfinite(total)
        total.backward()
    frozen = [p for module in model.backbone.frozen for p in module.parameters()]
    assert frozen
    assert all(p.grad is None for p in frozen)
    assert "ExactRTMDetInsHead" in MODELS.module_dict


@pytest.mark.slow
def test_five_iterations_leave_weights_metrics_and_resume(folder):
    runner = StrictRunner.from_config(small_run(folder, max_iters=5))
    runner.train()
    checkpoint = folder / "work" / "iter_5.pth"
    scalars = [
        json.loads(line)
        for path in (folder / "work").rglob("scalars.json")
        for line in path.read_text().splitlines()
    ]
    assert sum("train/loss" in entry for entry in scalars) == 5
    assert any("val/coco/segm_mAP" in entry for entry in scalars)

    sheets = {path.name for path in (folder / "work").glob("*/vis_data/vis_image/samples/*")}
    assert sheets == {"fixed_5.png", "worst_5.png"}

    detector = RTMDetDetector(load_config(DEMO), checkpoint, size=(128, 128), score_thr=0.0)
    (people,) = detector.detect([np.zeros((90, 120, 3), np.uint8)])
    assert people.masks.shape[1:] == (90, 120)

    config = small_run(folder, max_iters=6)
    config.resume = True
    resumed = StrictRunner.from_config(config)
    resumed.train()
    assert resumed.iter == 6
