"""Short trainings of demo configs by `tools/train.py` and `tools/test.py`, as a user runs them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from mmengine.config import Config

from mmpose.engine.checkpoint import load_checkpoint, load_state_dict_file, save_weights
from mmpose.engine.config import load_config
from mmpose.registry import MODELS
from tests.training.families import CONFIGS, ROOT

# Trunk (kept as it is) and neck start from these, in the repository; every head starts random.
SHIPPED = ROOT / "bmp" / "weights" / "maskpose_lite0_demo.safetensors"
# What a short run leaves out of a recipe: without it a few hundred crops are enough to learn from.
HARD_TRANSFORMS = (
    "RandomHalfBody",
    "RandomBBoxTransform",
    "RandomEdgesBlackout",
    "RandomPatchesBlackout",
    "PhotometricDistortion",
)

TEMPLATE = """
_base_ = "{base}"
left_out = {left_out}
model = dict(
    backbone=dict(pretrained_file=None, frozen_stages=7),
    head=dict(deconv_out_channels=(32, 32)),
    test_cfg=dict(flip_test=False),
)
train_set = dict(
    type="CocoDataset",
    metainfo=_base_.metainfo,
    data_root="{people}/train",
    ann_file="annotations.json",
    data_prefix=dict(img="images"),
    pipeline=[
        step for step in _base_.train_dataloader.dataset.pipeline if step["type"] not in left_out
    ],
)
test_set = dict(
    type="CocoDataset",
    metainfo=_base_.metainfo,
    data_root="{people}/test",
    ann_file="annotations.json",
    data_prefix=dict(img="images"),
    pipeline=_base_.test_dataloader.dataset.pipeline,
    test_mode=True,
)
train_dataloader = dict(
    _delete_=True,
    batch_size=8,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=train_set,
)
test_dataloader = dict(
    _delete_=True,
    batch_size=16,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=test_set,
)
test_evaluator = dict(
    _delete_=True,
    type="CocoMetric",
    ann_file="{people}/test/annotations.json",
    outfile_prefix="{folder}/result",
)
val_dataloader = None
val_evaluator = None
val_cfg = None
optim_wrapper = dict(optimizer=dict(lr={lr}))
train_cfg = dict(max_iters={steps}, val_interval={steps})
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=10),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=10, end={steps}),
]
default_hooks = dict(checkpoint=dict(interval={steps}), logger=dict(interval=10))
custom_hooks = [dict(type="SyncBuffersHook")]  # no moving average: too few steps for one
log_processor = dict(window_size=10)
load_from = "{load_from}"
load_from_allow = {load_from_allow}
randomness = dict(seed={seed})
work_dir = "work"
"""


def write_start(path: Path) -> Path:
    """Write backbone and neck of the shipped MaskPose, without its head; return the path."""
    weights, _ = load_state_dict_file(SHIPPED)
    kept = {name: value for name, value in weights.items() if not name.startswith("head.")}
    save_weights(kept, path, bits=32)
    return path


@dataclass(frozen=True)
class ShortRun:
    """One training of a family or stage, in its own folder.

    Args:
        folder: of config, logs, weights and results.
        family: a key of `CONFIGS`.
        people: holds the rendered data sets ``train`` and ``test``.
        steps: of 8 people each.
        lr: highest learning rate.
        load_from: start weights, see `write_start`.
        is_complete: whether these have a head; else it starts random.
        left_out: transforms of the recipe's pipeline that are not used.
        seed: of everything random.
    """

    folder: Path
    family: str
    people: Path
    steps: int
    load_from: Path
    is_complete: bool = False
    lr: float = 3e-3
    left_out: tuple[str, ...] = HARD_TRANSFORMS
    seed: int = 0

    @cached_property
    def config_file(self) -> Path:
        """The config, written at first use."""
        self.folder.mkdir(parents=True)
        path = self.folder / "short.py"
        text = TEMPLATE.format(
            base=CONFIGS[self.family],
            people=self.people,
            folder=self.folder,
            steps=self.steps,
            lr=self.lr,
            seed=self.seed,
            left_out=self.left_out,
            load_from=self.load_from,
            load_from_allow=[] if self.is_complete else ["head.*"],
        )
        path.write_text(text)
        return path

    @property
    def config(self) -> Config:
        return load_config(self.config_file)

    @property
    def checkpoint(self) -> Path:
        return self.folder / "work" / f"iter_{self.steps}.pth"

    def train(self) -> list[dict]:
        """Train; return what was logged every ten steps, means of these by name."""
        self._run("train.py")
        (log,) = self.folder.glob("work/*/vis_data/scalars.json")
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        return [
            {name.removeprefix("train/"): value for name, value in entry.items()}
            for entry in entries
            if "iter" in entry  # not the validations and learning rates
        ]

    def write_untrained(self) -> Path:
        """Write the weights that training starts from, with a random head, and return the path."""
        torch.manual_seed(self.seed)
        model = MODELS.build(self.config.model)
        model.init_weights()
        load_checkpoint(model, self.load_from, allow_missing=["head.*"])
        path = self.folder / "untrained.safetensors"
        save_weights(model.state_dict(), path, bits=32)
        return path

    def measure(self, checkpoint: Path) -> float:
        """AP in [0, 1] on the people that were not trained on."""
        out = self.folder / "metrics.json"
        self._run("test.py", str(checkpoint), "--out", str(out))
        return json.loads(out.read_text())["coco/AP"]

    def results(self) -> list[dict]:
        """The result file of the last measurement."""
        return json.loads((self.folder / "result.keypoints.json").read_text())

    def _run(self, tool: str, *arguments: str) -> None:
        command = [sys.executable, str(ROOT / "tools" / tool), str(self.config_file), *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
