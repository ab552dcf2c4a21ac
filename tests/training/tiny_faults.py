"""The training of a second, validated, and in trouble: signals, faults of the data, loss of nan.

Run as a script it trains through the tools' own door, in a process that a test can signal.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS

from mmpose.engine import tools
from mmpose.engine.launch import start_processes
from tests.training.tiny_training import TinyModel, TinyNumbers, tiny_config


@MODELS.register_module(force=True)
class JudgedModel(TinyModel):
    """Predicts too; its loss is nan or infinite on some samples."""

    def __init__(self, nan_at=(), width=6, dropout=0.3, frozen=False):
        super().__init__(width, dropout, frozen)
        self.nan_at = set(nan_at)

    def forward(self, inputs, index=None, data_samples=None, mode="tensor"):
        if mode == "predict":
            return [{"index": i} for i in index]
        if self.nan_at & set(map(int, index)):
            inputs = [row * float("nan") for row in inputs]
        return super().forward(inputs, mode=mode)


@METRICS.register_module(force=True)
class ScriptedMetric(BaseMetric):
    """Gives scores in the order of the validations; a process that resumes goes on with the list.

    The count stands in a file, so that it outlives the process.
    """

    default_prefix = "tiny"

    def __init__(self, scores, folder):
        super().__init__()
        self.scores, self.file = scores, Path(folder, "validations")

    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        count = int(self.file.read_text()) if self.file.is_file() else 0
        self.file.write_text(str(count + 1))
        return {"score": self.scores[min(count, len(self.scores) - 1)]}


@DATASETS.register_module(force=True)
class FaultyNumbers(TinyNumbers):
    """Numbers of which one cannot be read, or kills the worker that reads it."""

    def __init__(self, lens, bad=None, fault="corrupt", rank=0):
        super().__init__(lens)
        self.bad, self.fault, self.rank = bad, fault, rank

    def __getitem__(self, index):
        if int(index) == self.bad and get_rank() == self.rank:
            if self.fault == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError(f"image {int(index)}.jpg is corrupt")
        return super().__getitem__(index)


@HOOKS.register_module(force=True)
class SignalHook(Hook):
    """Sends its own process a signal in the middle of a step, or of a validation."""

    def __init__(self, number, step, rank=0, when="train"):
        self.number, self.step, self.rank, self.when = number, step, rank, when

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self._send(runner.iter + 1, "train")

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if batch_idx == 1:
            self._send(runner.iter, "val")

    def _send(self, step, when):
        if (step, when, get_rank()) == (self.step, self.when, self.rank):
            os.kill(os.getpid(), self.number)


@HOOKS.register_module(force=True)
class SlowStepsHook(Hook):
    """Gives a test the time to send a signal from outside."""

    priority = "LOWEST"

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        time.sleep(0.1)


def validated_config(work_dir: Path, scores=(0.5,), interval=4, **changes) -> Config:
    """`tiny_config` with a validation every ``interval`` steps (or epochs) and a best checkpoint.

    Args:
        work_dir: its folder.
        scores: of the validations, in their order.
        interval: between two validations.
        changes: see `tiny_config`.
    """
    by_epoch = changes.get("by_epoch", False)
    config = tiny_config(
        work_dir,
        **{
            "model__type": "JudgedModel",
            "train_cfg__val_interval": interval,
            "default_hooks__checkpoint": {
                "type": "CheckpointHook",
                "by_epoch": by_epoch,
                "interval": 2,
                "max_keep_ckpts": 2,
                "save_best": "tiny/score",
                "rule": "greater",
            },
            "default_hooks__logger": {"type": "LoggerHook", "interval": 100},
            "custom_hooks": [{"type": "NoteStepsHook"}],
            **changes,
        },
    )
    config.val_cfg, config.randomness = {}, {"seed": 1}
    config.val_evaluator = {
        "type": "ScriptedMetric",
        "scores": list(scores),
        "folder": str(work_dir),
    }
    config.val_dataloader = {
        "batch_size": 2,
        "num_workers": 0,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": {"type": "TinyNumbers", "lens": [8]},
    }
    Path(work_dir).mkdir(exist_ok=True, parents=True)
    return config


def main() -> None:
    """Train what a JSON file describes: ``launcher``, ``resume``, ``config``."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(1)
    start_processes(settings["launcher"])
    config = Config(settings["config"])
    tools.train(
        config,
        launcher=settings["launcher"],
        amp=False,
        resume=tools.find_started(config) if settings["resume"] else None,
        seed=None,
    )


if __name__ == "__main__":
    tools.run_tool(main)
