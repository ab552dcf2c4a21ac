"""What the tests of training share: a few rendered people, and the families' demo configs."""

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

import mmpose.codecs
import mmpose.datasets
import mmpose.engine
import mmpose.models  # noqa: F401 - registers
from bmp.synthcrowd import SceneSettings, write_dataset
from mmpose.engine.config import load_config
from mmpose.registry import DATASETS, MODELS

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "configs" / "demo"
CONFIGS = {
    "ViTPose": DEMO / "vitpose_lite0_synthcrowd-128x96.py",
    "MaskPose": DEMO / "maskpose_lite0_synthcrowd-128x96.py",
    "ProbPose": DEMO / "probpose_lite0_synthcrowd-128x96.py",
    "PMPose stage 1": DEMO / "pmpose_lite0_synthcrowd-128x96_stage1.py",
    "PMPose stage 2": DEMO / "pmpose_lite0_synthcrowd-128x96.py",
}
# In the repository, unlike ImageNet's weights; it has learnt to find people and no joint.
DETECTOR = ROOT / "bmp" / "weights" / "rtmdet-ins_lite0_demo.safetensors"
LONE_PEOPLE = SceneSettings(width=320, height=240, crowding=0, max_people=2)


def render_people(folder: Path, num_images: int, seed: int) -> Path:
    """Images of one or two people who hardly touch; return the folder."""
    write_dataset(folder, num_images, seed, LONE_PEOPLE)
    return folder


def build_model(config: Config) -> nn.Module:
    """The config's model, its start weights those of the demo detector's backbone."""
    torch.manual_seed(0)
    config.model.backbone.pretrained_file = str(DETECTOR)
    model = MODELS.build(config.model)
    model.init_weights()
    return model


def read_batch(config: Config, folder: Path, size: int, pipeline: list | None = None) -> dict:
    """The first people of a folder after the config's training pipeline, always drawn alike."""
    dataset = DATASETS.build(
        dict(
            type="CocoDataset",
            metainfo=config.metainfo,
            data_root=str(folder),
            ann_file="annotations.json",
            data_prefix=dict(img="images"),
            pipeline=pipeline or config.train_dataloader.dataset.pipeline,
        )
    )
    np.random.seed(0)
    return pseudo_collate([dataset[index] for index in range(size)])


def train_steps(
    model: nn.Module, config: Config, batch: dict, num_steps: int, loss: str = "loss"
) -> list[float]:
    """A loss at each step on one batch with the config's optimiser at its full rate."""
    wrapper: OptimWrapper = build_optim_wrapper(model, config.optim_wrapper)
    losses = []
    for _ in range(num_steps):
        model.train()  # as the loop does
        losses.append(model.train_step(batch, wrapper)[loss].item())
    return losses


def open_family(name: str) -> Config:
    """The demo config of a family or of its stage."""
    return load_config(CONFIGS[name])
