"""A real training of seconds, logged as all trainings are: the hooks of the shared runtime."""

import time
from pathlib import Path

from mmpose.engine.config import load_config
from mmpose.engine.tools import find_started, train
from tests.mmpose.datasets.tiny_people import write_people
from tests.mmpose.tiny_parts import SMALL_CODEC, small_vitpose

ROOT = Path(__file__).parents[3]
CONFIG = f"""
_base_ = [{str(ROOT / "configs/_base_/runtime.py")!r}]
codec = {SMALL_CODEC!r}
steps = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=(48, 64), use_udp=True),
]
model = {small_vitpose(num_layers=2, loss={"type": "KeypointMSELoss"})!r}
people = dict(
    type="CocoDataset",
    metainfo=dict(from_file="coco.py"),
    data_root="people",
    ann_file="annotations.json",
    data_prefix=dict(img="images"),
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        **people,
        pipeline=[*steps, dict(type="GenerateTarget", encoder=codec), dict(type="PackPoseInputs")],
    ),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(**people, test_mode=True, pipeline=[*steps, dict(type="PackPoseInputs")]),
)
val_evaluator = dict(type="CocoMetric", ann_file="people/annotations.json", prefix="COCO")
train_cfg = dict(type="ResumableIterTrainLoop", max_iters=6, val_interval=3)
val_cfg = dict()
optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=1e-2, weight_decay=0.05),
    constructor="LayerDecayOptimWrapperConstructor",
    paramwise_cfg=dict(num_layers=2, layer_decay_rate=0.5),
)
default_hooks = dict(
    logger=dict(interval=1),
    checkpoint=dict(by_epoch=False, interval=2),
    scalars=dict(interval=2, window=3),
    samples=dict(num_fixed=3, num_worst=2),
)
log_processor = dict(by_epoch=False, window_size=1)
randomness = dict(seed=3)
work_dir = "work"
"""


def write_project(folder: Path) -> Path:
    """Write people and a config; return the config's path."""
    write_people(folder / "people", num_images=4)
    path = folder / "configs" / "tiny.py"
    path.parent.mkdir()
    path.write_text(CONFIG)
    return path


def run_training(config: Path, *, resume: bool = False, **options: object) -> Path:
    """Train in this process; return the work directory.

    Args:
        config: of :func:`write_project`.
        resume: go on from the last checkpoint.
        options: as of ``--cfg-options``, ``__`` for a dot.
    """
    begun = time.strftime("%S")
    while time.strftime("%S") == begun:  # folders of logs are named by the second
        time.sleep(0.05)
    settings = {name.replace("__", "."): value for name, value in options.items()}
    loaded = load_config(config, settings)
    started = find_started(loaded) if resume else None
    train(loaded, launcher="none", amp=False, resume=started, seed=None)
    return Path(loaded.work_dir)
