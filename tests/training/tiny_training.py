"""A training of a second: a small model with norm, dropout and average, on made-up numbers."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, MODELS
from torch import nn
from torch.utils.data import Dataset

from mmpose.datasets.seeded_index import draws_of
from mmpose.engine.checkpoint import allow_training_pickles
from mmpose.engine.runner import StrictRunner

STEPS = "steps.rank{}.jsonl"


@DATASETS.register_module(force=True)
class TinyNumbers(Dataset):
    """Numbers with noise that is drawn as augmentation is; ``lens`` are parts for a sampler."""

    def __init__(self, lens):
        self.lens = list(lens)
        self.metainfo = {}

    def __len__(self):
        return sum(self.lens)

    def __getitem__(self, index):
        with draws_of(index):
            noise = np.random.rand(3)
        inputs = torch.tensor([int(index) / len(self), *noise], dtype=torch.float32)
        return {"inputs": inputs, "index": int(index)}


@MODELS.register_module(force=True)
class TinyModel(BaseModel):
    """Two layers with all that a resume may forget between them."""

    def __init__(self, width=6, dropout=0.3, frozen=False):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(width, 1)
        self.first.requires_grad_(not frozen)

    def parts_to_compile(self):
        return [self.first, self.last]

    def forward(self, inputs, index=None, mode="tensor"):
        inputs = torch.stack(inputs)
        found = self.last(self.dropout(self.norm(self.first(inputs)).relu()))
        if mode == "tensor":
            return found
        return {"loss": (found[:, 0] - inputs.sum(1)).square().mean()}


@HOOKS.register_module(force=True)
class NoteStepsHook(Hook):
    """Writes down loss, rates and samples of every step, as numbers that can be compared."""

    priority = "LOW"  # after the schedule's step, before the checkpoint

    def __init__(self, with_time=False):
        self.with_time = with_time

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        step = {
            "step": runner.iter + 1,
            "loss": outputs["loss"].item().hex(),
            "lr": [group["lr"] for group in runner.optim_wrapper.param_groups],
            "indices": list(map(int, data_batch["index"])),
        }
        if self.with_time:
            step["time"] = time.monotonic()
        with Path(runner.work_dir, STEPS.format(get_rank())).open("a") as file:
            file.write(json.dumps(step) + "\n")


class StopHook(Hook):
    """Ends the training as an error would, after a step and all its other hooks."""

    priority = "LOWEST"

    def __init__(self, step):
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.step:
            raise KeyboardInterrupt


MOVING_AVERAGE = {"type": "EMAHook", "update_buffers": True, "momentum": 0.1}


def tiny_config(work_dir: Path, **changes: Any) -> Config:
    """The config of a run of 12 steps, or 3 epochs of 5, with a checkpoint every 2 steps.

    Args:
        work_dir: its folder.
        changes: values by key, a double underscore for each dot; ``by_epoch`` and ``sampler``
            (the name of its class) besides.
    """
    by_epoch = changes.pop("by_epoch", False)
    sampler = changes.pop("sampler", "DefaultSampler")
    loop = {"type": "EpochBasedTrainLoop", "max_epochs": 3}
    if not by_epoch:
        loop = {"type": "IterBasedTrainLoop", "max_iters": 12}
    config = Config(
        {
            "default_scope": "mmpose",
            "model": {"type": "TinyModel"},
            "train_dataloader": {
                "batch_size": 4,
                "num_workers": 0,
                "sampler": {"type": sampler},
                "dataset": {"type": "TinyNumbers", "lens": [13, 7]},
            },
            "train_cfg": loop,
            "optim_wrapper": {"optimizer": {"type": "AdamW", "lr": 0.1, "weight_decay": 0.1}},
            "param_scheduler": [
                {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 4},
                {"type": "CosineAnnealingLR", "by_epoch": by_epoch, "begin": 1, "eta_min": 1e-4},
            ],
            "default_hooks": {
                "checkpoint": {"type": "CheckpointHook", "by_epoch": False, "interval": 2},
            },
            "custom_hooks": [{"type": "SyncBuffersHook"}, {"type": "NoteStepsHook"}],
            "visualizer": None,
            "log_level": "WARNING",
            "work_dir": str(work_dir),
        },
        format_python_code=False,  # it takes most of the time of such a training
    )
    if sampler == "MultiSourceSampler":
        config.train_dataloader.sampler |= {"batch_size": 4, "source_ratio": [3, 1]}
    config.merge_from_dict({key.replace("__", "."): value for key, value in changes.items()})
    return config


_names = iter(range(10**6))


def train(config: Config, *, stop: int | None = None, resume: bool = False) -> StrictRunner:
    """Train in this process, up to the end or until after a step."""
    config = Config(config.to_dict(), format_python_code=False)
    config.resume, config.experiment_name = resume, f"tiny {next(_names)}"
    runner = StrictRunner.from_config(config)
    if stop is not None:  # not by the config, in which it would be a difference
        runner.register_hook(StopHook(stop))
    try:
        runner.train()
    except KeyboardInterrupt:
        assert stop is not None
    return runner


def steps_of(work_dir: Path, rank: int = 0) -> list[dict]:
    """What was noted of each step, in the order in which they were made."""
    lines = Path(work_dir, STEPS.format(rank)).read_text().splitlines()
    return [json.loads(line) for line in lines]


def last_state(work_dir: Path) -> dict[str, Any]:
    """Weights, averages, optimiser and schedule of the last checkpoint."""
    path = Path(work_dir, "last_checkpoint").read_text()
    allow_training_pickles()
    content = torch.load(path, weights_only=True)
    keys = ("state_dict", "ema_state_dict", "optimizer", "param_schedulers")
    return {key: content[key] for key in keys if key in content}


def differences_at_end(work_dir: Path, other: Path) -> list[str]:
    """Where the last checkpoints of two trainings differ."""
    return differences(last_state(work_dir), last_state(other))


def differences(first: Any, second: Any, where: str = "") -> list[str]:
    """Where two nested values differ, bit by bit."""
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return [] if torch.equal(first, second) else [where]
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        first, second = dict(enumerate(first)), dict(enumerate(second))
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            return [f"{where}: other keys"]
        found = [differences(first[key], second[key], f"{where}.{key}") for key in first]
        return [place for places in found for place in places]
    return [] if first == second else [f"{where}: {first} and {second}"]
