"""mmdet's own configs and checkpoints, unchanged, in our tools and in scripts."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import mmdet
import numpy as np
import pytest
from mmengine.config import Config

from bmp.detectors.mmdet_configs import names_mmdet
from mmpose.files import write_json

ROOT = Path(__file__).parents[3]
PUBLISHED = Path(mmdet.__file__).parent / ".mim" / "configs" / "rtmdet"
DEMO = ROOT / "configs" / "demo" / "rtmdet-ins_lite0_synthcrowd-320x320.py"


def run_python(*arguments, folder=ROOT):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({"default_scope": "mmdet"}, True, id="its scope"),
        pytest.param(
            {"model": {"head": {"type": "mmdet.SOLOHead"}}}, True, id="one of its classes"
        ),
        pytest.param(
            {"steps": [[{"type": "mmdet.PhotoMetricDistortion"}]]}, True, id="one of its steps"
        ),
        pytest.param({"model": {"_scope_": "mmdet", "type": "RTMDet"}}, True, id="a scope inside"),
        pytest.param(
            {"default_scope": "mmpose", "note": "mmdet.x", "model": {"type": "mmdetector"}},
            False,
            id="only a word",
        ),
    ],
)
def test_which_configs_are_mmdets(config, expected):
    assert names_mmdet(Config(config)) is expected


def test_a_config_of_mmdet_brings_its_classes_and_another_does_not():
    code = """
import sys
from mmengine.config import Config
from bmp.detectors.mmdet_configs import prepare_mmdet
prepare_mmdet(Config(dict(default_scope="mmpose")))
assert "mmdet" not in sys.modules
prepare_mmdet(Config(dict(default_scope="mmdet")))
from mmdet.registry import DATASETS, MODELS
assert MODELS.get("RTMDet") and DATASETS.get("CocoHumanDataset")
"""
    run_python("-c", code)


@pytest.mark.slow
def test_init_detector_reads_a_training_checkpoint(tmp_path):
    code = f"""
import sys
import numpy as np, torch
import bmp.detector_training
from mmdet.apis import init_detector
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.registry import init_default_scope
from mmdet.registry import MODELS
config = Config.fromfile({str(DEMO)!r})
config.model.backbone.pretrained_file = None
init_default_scope("mmdet")
model = MODELS.build(config.model)
hub = dict(log_scalars=dict(loss=HistoryBuffer([1.0], [1])), runtime_info=dict(seed=np.int64(3)))
meta = dict(dataset_meta=dict(classes=("person",)), experiment_name="a run")
torch.save(dict(state_dict=model.state_dict(), message_hub=hub, meta=meta), sys.argv[1])
detector = init_detector(config, sys.argv[1], device="cpu", palette="none")
assert detector.dataset_meta["classes"] == ("person",)
for a, b in zip(model.state_dict().values(), detector.state_dict().values(), strict=True):
    assert torch.equal(a, b)
"""
    run_python("-c", code, tmp_path / "run.pth")


@pytest.fixture
def people(tmp_path):
    """Two images with a bright box each, in COCO format."""
    images, annotations = [], []
    (tmp_path / "images").mkdir()
    for i in range(2):
        image = np.zeros((90, 120, 3), np.uint8)
        image[20:55, 30:60] = (40, 200, 230)
        cv2.imwrite(str(tmp_path / "images" / f"{i}.png"), image)
        images.append({"id": i, "file_name": f"{i}.png", "width": 120, "height": 90})
        person = {"id": i + 1, "image_id": i, "category_id": 1, "iscrowd": 0, "area": 1050}
        corners = [30, 20, 60, 20, 60, 55, 30, 55]
        annotations.append(person | {"bbox": [30, 20, 30, 35], "segmentation": [corners]})
    categories = [{"id": 1, "name": "person"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_json(tmp_path / "people.json", content)
    return tmp_path


@pytest.mark.slow
def test_a_published_config_is_trained_and_tested_unchanged(people):
    config = PUBLISHED / "rtmdet-ins_tiny_8xb32-300e_coco.py"
    if not config.is_file():
        pytest.skip(f"this mmdet brings no {config.name}")
    options = ["--work-dir", people / "work", "--cfg-options", "model.backbone.init_cfg=None"]
    for phase in ("train", "val", "test"):
        loader = f"{phase}_dataloader"
        options += [
            f"{loader}.{key}"
            for key in (
                *("batch_size=2", "num_workers=0", "persistent_workers=False"),
                *(f"dataset.data_root={people}", "dataset.ann_file=people.json"),
                "dataset.data_prefix.img=images",
            )
        ]
    options += ["train_cfg.max_epochs=1", "default_hooks.checkpoint.interval=1"]
    options += [f"{phase}_evaluator.ann_file={people / 'people.json'}" for phase in ("val", "test")]
    run_python(ROOT / "tools/train.py", config, *options, folder=people)
    checkpoint = people / "work" / "epoch_1.pth"
    report = run_python(ROOT / "tools/test.py", config, checkpoint, *options, folder=people)
    assert "Epoch(test) [1/1]" in report
