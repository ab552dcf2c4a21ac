"""A training short enough to be watched: the demo pose model learns its last layer anew.

All else keeps the shipped weights; the layer that turns features into heatmaps starts from random
numbers, so the model cannot tell any joint before. Data: rendered crowds of their own seeds.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.registry import init_default_scope

from bmp.locations import PROJECT_ROOT, find_checkpoint
from bmp.synthcrowd import write_dataset
from mmpose.engine.checkpoint import load_state_dict_file, save_weights
from mmpose.engine.config import load_config
from mmpose.engine.run_logs import join, read_starts
from mmpose.engine.tools import test, train
from mmpose.registry import MODELS

CONFIG = PROJECT_ROOT / "configs" / "demo" / "maskpose_lite0_short-training.py"
DATA_FOLDER = PROJECT_ROOT / "datasets" / "synthcrowd"
SPLITS = {"short_train": (100, 3), "short_val": (40, 4)}  # name: images, seed
LOG_INTERVAL = 10  # steps that a logged loss is the mean of
RENEWED = "head.final_layer."  # the weights that start from random numbers
QUIET = {"log_level": "WARNING"}


def train_briefly(
    work_dir: Path, *, num_steps: int, tell: Callable[[str], None] = print
) -> list[str]:
    """Train, and measure before and after.

    Args:
        work_dir: for logs and weights; what an earlier run left there is deleted.
        num_steps: training steps.
        tell: takes lines of progress.

    Returns:
        Lines that tell loss and AP before and after.
    """
    for name, (num_images, seed) in SPLITS.items():
        write_dataset(DATA_FOLDER / name, num_images, seed)
    shutil.rmtree(work_dir, ignore_errors=True)
    work_dir.mkdir(parents=True)
    start = renew_last_layer(work_dir / "start.safetensors")
    before = _measure(start, work_dir)
    tell(f"    pose AP before: {100 * before:.1f}")
    config = load_config(
        CONFIG,
        QUIET
        | {
            "train_cfg.max_iters": num_steps,
            "param_scheduler.1.end": max(num_steps, 11),
            "train_cfg.val_interval": num_steps + 1,  # measured below instead
            "load_from": str(start),
            "work_dir": str(work_dir),
            "default_hooks.progress": {"type": "ProgressHook"},
            "default_hooks.logger.interval": LOG_INTERVAL,
        },
    )
    train(config, launcher="none", amp=False, resume=None, seed=0)
    trained = Path((work_dir / "last_checkpoint").read_text().strip())
    after = _measure(trained, work_dir)
    tell(f"    pose AP after: {100 * after:.1f}")
    losses = read_losses(work_dir)
    return [
        f"loss     {losses[0]:8.3f}  ->  {losses[-1]:8.3f}   (first and last {LOG_INTERVAL} of "
        f"{num_steps} steps)",
        f"pose AP  {100 * before:8.1f}  ->  {100 * after:8.1f}   (true boxes, "
        f"{SPLITS['short_val'][0]} crowds that were not trained on)",
    ]


def renew_last_layer(path: Path) -> Path:
    """Write the shipped weights with a last layer of random numbers (seed 0); return the path."""
    config = load_config(CONFIG)
    weights, _ = load_state_dict_file(find_checkpoint(config.checkpoint))
    init_default_scope("mmpose")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS.build(config.model)
        model.init_weights()
    fresh = model.state_dict()
    renewed = {name: fresh[name] if name.startswith(RENEWED) else weights[name] for name in fresh}
    assert any(name.startswith(RENEWED) for name in fresh), "the last layer has another name"
    save_weights(renewed, path, {"origin": "shipped demo MaskPose, last layer re-initialised"})
    return path


def _measure(checkpoint: Path, work_dir: Path) -> float:
    """Pose AP in [0, 1] on the validation crowds, true boxes and masks."""
    config = load_config(CONFIG, QUIET | {"work_dir": str(work_dir / "test")})
    metrics = test(config, launcher="none", checkpoint=str(checkpoint), out=None)
    return next(value for name, value in metrics.items() if name.endswith("/AP"))


def read_losses(work_dir: Path) -> list[float]:
    """The logged losses of the last run in a work directory, in order of the steps.

    Raises:
        FileNotFoundError: nothing was logged there.
    """
    curves = join(read_starts(work_dir)[-1:])
    if "train/loss" not in curves:
        raise FileNotFoundError(f"no losses are logged in {work_dir}; was anything trained?")
    return curves["train/loss"][1]
