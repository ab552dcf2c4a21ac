"""Checkpoints of a run appear whole or not at all."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import LocalBackend, register_backend
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import nn
from torch.utils.data import DataLoader

from mmpose.engine.checkpoint import load_state_dict_file
from mmpose.engine.runner import StrictRunner


class OneWeight(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, inputs, mode="tensor"):
        return {"loss": self.layer(inputs).square().mean()}


class FullDisk(LocalBackend):
    """Takes the first half of a file."""

    def put(self, obj: bytes, filepath: str) -> None:
        Path(filepath).write_bytes(obj[: len(obj) // 2])
        raise OSError(28, "No space left on device", filepath)


def make_runner(folder: Path) -> StrictRunner:
    model = OneWeight()
    return StrictRunner(
        model,
        str(folder),
        train_dataloader=DataLoader([{"inputs": row} for row in torch.ones(8, 1)], batch_size=2),
        train_cfg={"by_epoch": False, "max_iters": 2},
        optim_wrapper=OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)),
        default_hooks={"checkpoint": {"type": "CheckpointHook", "interval": 2, "by_epoch": False}},
        default_scope="mmpose",
        experiment_name=f"runner in {folder.name}",
    )


def test_a_checkpoint_takes_its_name_when_it_is_whole(tmp_path):
    register_backend("full_disk", FullDisk, force=True)
    runner = make_runner(tmp_path)
    runner.train()
    path = tmp_path / "iter_2.pth"
    before = path.read_bytes()
    weights, _ = load_state_dict_file(path)
    torch.testing.assert_close(weights["layer.weight"], runner.model.layer.weight.data)

    full_disk = {"backend": "full_disk"}
    with pytest.raises(OSError, match="No space left"):
        runner.save_checkpoint(str(tmp_path), "iter_2.pth", by_epoch=False, backend_args=full_disk)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".*.part"))
    assert (tmp_path / "last_checkpoint").read_text() == str(path)


def test_a_loader_without_a_batch_is_refused():
    settings = {"batch_size": 4, "num_workers": 0, "drop_last": True}
    settings |= {"dataset": [1, 2, 3], "sampler": {"type": "DefaultSampler", "shuffle": False}}
    with pytest.raises(ValueError, match=r"3 samples, batches of 4 in each process; lower"):
        StrictRunner.build_dataloader(settings)
    assert len(StrictRunner.build_dataloader(settings | {"batch_size": 3})) == 1
    endless = settings | {"sampler": {"type": "InfiniteSampler"}}
    assert len(next(iter(StrictRunner.build_dataloader(endless)))) == 4


def test_a_loader_without_workers_needs_no_other_settings():
    settings = {"batch_size": 1, "dataset": [1, 2], "sampler": {"type": "DefaultSampler"}}
    settings |= {"persistent_workers": True, "prefetch_factor": 4, "num_workers": 0}
    assert len(list(StrictRunner.build_dataloader(settings))) == 2


def test_a_recorded_config_is_never_lost(tmp_path):
    """A test leaves it alone; another training keeps the one before beside it."""
    config = Config({"a": 1}, "a", "config.py")
    runner = make_runner(tmp_path)
    runner.cfg = config
    runner.dump_config()
    path = tmp_path / "config.py"
    assert path.read_text() == "a = 1\n"
    runner.cfg = Config({"a": 2}, "a", "config.py")
    runner._train_dataloader = None  # a test
    runner.dump_config()
    assert path.read_text() == "a = 1\n"
    runner._train_dataloader = [1]
    runner.dump_config()
    assert path.read_text() == "a = 2\n"
    (kept,) = tmp_path.glob("config.before-*.py")
    assert kept.read_text() == "a = 1\n"
    runner.dump_config()  # the same again
    assert len(list(tmp_path.glob("config.before-*.py"))) == 1


def test_a_resume_without_changes_leaves_the_recorded_config(tmp_path):
    runner = make_runner(tmp_path)
    started = {"a": 1, "load_from": "start.pth", "resume": False}
    runner.cfg = Config(started, "a", "config.py")
    runner.dump_config()
    recorded = (tmp_path / "config.py").read_text()
    runner.cfg = Config({**started, "load_from": "iter_4.pth", "resume": True}, "a", "config.py")
    runner._resume = True
    runner.dump_config()
    assert (tmp_path / "config.py").read_text() == recorded
    assert not list(tmp_path.glob("config.before-*.py"))
    runner._resume = False  # a new training from there is another one
    runner.dump_config()
    assert len(list(tmp_path.glob("config.before-*.py"))) == 1


class TwoParts(BaseModel):
    """A convolution as backbone and a sum as head."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(2, 2, 3)
        self.head = nn.Linear(2, 1)

    def forward(self, inputs, mode="tensor"):
        maps = self.backbone(inputs)
        return {"loss": self.head(maps.mean((2, 3))).square().mean()}


def train_two_parts(folder: Path, **config) -> StrictRunner:
    torch.manual_seed(0)
    images = [{"inputs": image} for image in torch.rand(8, 2, 5, 5)]
    runner = StrictRunner(
        TwoParts(),
        str(folder),
        train_dataloader=DataLoader(images, batch_size=2),
        train_cfg={"by_epoch": False, "max_iters": 4},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}, "clip_grad": {"max_norm": 9.0}},
        default_hooks={"checkpoint": {"type": "CheckpointHook", "interval": 4, "by_epoch": False}},
        default_scope="mmpose",
        experiment_name=f"two parts in {folder.name}",
        cfg=Config(config),
    )
    runner.train()
    return runner


def test_a_config_compiles_the_parts_and_lays_out_their_weights(tmp_path):
    plain = train_two_parts(tmp_path / "plain")
    options = {"compile": {"backend": "eager"}, "channels_last": True}
    fast = train_two_parts(tmp_path / "fast", **options)
    weight = fast.model.backbone.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    assert fast.model.backbone._compiled_call_impl is not None
    assert plain.model.backbone._compiled_call_impl is None
    for name in ("train/loss", "train/grad_norm"):
        histories = [runner.message_hub.get_scalar(name).data[0] for runner in (plain, fast)]
        assert len(histories[0]) == 4
        torch.testing.assert_close(*map(torch.from_numpy, histories), rtol=1e-4, atol=1e-6)


def test_losses_that_are_read_late_reach_the_checkpoint(tmp_path):
    runner = train_two_parts(tmp_path)
    stored = torch.load(tmp_path / "iter_4.pth", weights_only=True)["message_hub"]["log_scalars"]
    losses, counts = stored["train/loss"].data
    assert len(losses) == len(counts) == 4
    assert losses[-1] == runner.message_hub.get_scalar("train/loss").current()
