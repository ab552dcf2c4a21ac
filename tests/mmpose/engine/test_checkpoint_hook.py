"""When checkpoints are written, which are kept, and that nothing else is touched."""

import logging
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import MessageHub
from mmengine.registry import VISBACKENDS
from mmengine.visualization import LocalVisBackend

from mmpose.engine import checkpoint_hook
from mmpose.engine.best_checkpoint import find_best_here, is_best
from mmpose.engine.checkpoint_hook import CheckpointHook
from mmpose.engine.runner import StrictRunner
from tests.training.tiny_faults import validated_config
from tests.training.tiny_training import differences, last_state, steps_of, train


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.pth"))


def meta_of(path: Path) -> dict:
    return torch.load(path, weights_only=False)["meta"]


def test_regular_ones_are_kept_and_the_best_one(tmp_path):
    train(validated_config(tmp_path, scores=[0.2, 0.5, 0.3]))
    assert names(tmp_path) == ["best_tiny_score_iter_8.pth", "iter_10.pth", "iter_12.pth"]
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "iter_12.pth")
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.slow
def test_a_copied_run_leaves_the_original_alone(tmp_path):
    first, copy = tmp_path / "first", tmp_path / "copy"
    train(validated_config(first, scores=[0.2, 0.5, 0.3]), stop=7)

    def content():
        return {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}

    before = content()
    shutil.copytree(first, copy)
    train(validated_config(copy, scores=[0.2, 0.5, 0.3]), resume=True)
    assert content() == before
    assert names(copy) == ["best_tiny_score_iter_8.pth", "iter_10.pth", "iter_12.pth"]
    assert steps_of(copy)[7]["step"] == 7  # from iter_6 of the copy


@pytest.mark.slow
def test_the_new_best_is_whole_before_the_old_one_goes(tmp_path, monkeypatch):
    write = StrictRunner.save_checkpoint

    def die_at_the_second_best(runner, folder, name, *args, **kwargs):
        if name == "best_tiny_score_iter_8.pth":
            raise KeyboardInterrupt
        write(runner, folder, name, *args, **kwargs)

    monkeypatch.setattr(StrictRunner, "save_checkpoint", die_at_the_second_best)
    train(validated_config(tmp_path, scores=[0.2, 0.5, 0.3]), stop=-1)
    assert "best_tiny_score_iter_4.pth" in names(tmp_path)
    monkeypatch.undo()
    # the score of the validation that was cut off comes again
    train(validated_config(tmp_path, scores=[0.2, 0.5, 0.5, 0.3]), resume=True)
    assert names(tmp_path) == ["best_tiny_score_iter_8.pth", "iter_10.pth", "iter_12.pth"]


@pytest.mark.slow
def test_a_best_one_that_is_gone_is_forgotten(tmp_path):
    train(validated_config(tmp_path, scores=[0.9, 0.2, 0.1]), stop=7)
    (tmp_path / "best_tiny_score_iter_4.pth").unlink()
    train(validated_config(tmp_path, scores=[0.9, 0.2, 0.1]), resume=True)
    assert names(tmp_path) == ["best_tiny_score_iter_8.pth", "iter_10.pth", "iter_12.pth"]


def test_notes_of_the_hook_are_not_logged_as_metrics():
    noted = (checkpoint_hook.VALIDATED, checkpoint_hook.PASSING, checkpoint_hook.KEPT)
    # mmengine's LogProcessor prints what begins so
    assert not [name for name in noted if name.startswith(("train", "val", "test"))]


@pytest.mark.parametrize("by_epoch", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_validation_that_was_cut_off_is_done_on_resume(tmp_path, by_epoch):
    settings = {"scores": [0.2, 0.5], "interval": 3 if by_epoch else 12, "by_epoch": by_epoch}
    config = validated_config(tmp_path, **settings)
    # both end there; the checkpoint interval does not fall on it
    config.default_hooks.checkpoint |= {"interval": 5, "save_last": False}
    config.val_dataloader.dataset = {"type": "FaultyNumbers", "lens": [8], "bad": 5}
    with pytest.raises(ValueError, match="corrupt"):
        train(config)
    assert not (tmp_path / "validations").is_file()
    config = validated_config(tmp_path, **settings)
    train(config, resume=True)
    assert (tmp_path / "validations").read_text() == "1"
    num_steps = 15 if by_epoch else 12
    assert len(steps_of(tmp_path)) == num_steps  # none was made again
    assert any(name.startswith("best_tiny_score") for name in names(tmp_path))
    train(config, resume=True)  # a finished run has nothing to do
    assert (tmp_path / "validations").read_text() == "1"


@pytest.mark.parametrize("is_there", [True, False])
def test_processes_know_the_same_best_score(tmp_path, is_there):
    """The first one looks for its file; a disk may show it to another one late."""
    hub = MessageHub.get_instance(f"best known {is_there}")
    hub.update_info("best_score", 0.5)
    hub.update_info("best_ckpt", "elsewhere/best.pth")
    logger = logging.getLogger("best known")
    runner = SimpleNamespace(message_hub=hub, logger=logger, work_dir=str(tmp_path))
    hook = CheckpointHook(save_best="score", rule="greater")
    hook.out_dir, hook.file_backend = str(tmp_path), LocalBackend()
    # what the first process answers; here is no such file
    hook._agreement = SimpleNamespace(on_largest=lambda vote: [int(is_there)])
    find_best_here(hook, runner)
    assert hub.runtime_info.get("best_score") == (0.5 if is_there else None)


def test_other_processes_do_not_read_what_the_first_one_may_just_remove(monkeypatch):
    """The note of an earlier run's validation goes without a word to the others."""
    hook = CheckpointHook()
    hook._agreement = checkpoint_hook.Agreement()
    monkeypatch.setattr(checkpoint_hook, "is_main_process", lambda: False)
    hook.before_first_step(SimpleNamespace())  # has no work_dir to read from


@pytest.mark.slow
def test_a_run_killed_before_the_oldest_one_went_clears_up(tmp_path, monkeypatch):
    config = validated_config(tmp_path, interval=100)

    def die(hook, runner):
        raise KeyboardInterrupt

    train(config, stop=5)
    monkeypatch.setattr(CheckpointHook, "_remove_oldest", die)
    train(config, resume=True, stop=-1)
    assert names(tmp_path) == ["iter_2.pth", "iter_4.pth", "iter_6.pth"]
    monkeypatch.undo()
    train(config, resume=True, stop=7)
    assert names(tmp_path) == ["iter_4.pth", "iter_6.pth"]


@pytest.mark.slow
def test_checkpoints_by_the_clock_make_way_and_are_resumed_exactly(tmp_path):
    config = validated_config(tmp_path / "all", by_epoch=True, interval=100)
    train(config)
    config = validated_config(tmp_path / "cut", by_epoch=True, interval=100)
    config.default_hooks.checkpoint.interval_minutes = 1e-9  # after every step
    train(config, stop=8)
    assert names(tmp_path / "cut") == ["iter_8.pth"]
    assert meta_of(tmp_path / "cut" / "iter_8.pth")["epoch"] == 1
    config.default_hooks.checkpoint.interval_minutes = None
    train(config, resume=True)
    kept = ["best_tiny_score_epoch_3.pth", "epoch_2.pth", "epoch_3.pth"]
    assert names(tmp_path / "cut") == kept
    assert not differences(last_state(tmp_path / "all"), last_state(tmp_path / "cut"))


def test_early_stopping_leaves_a_checkpoint(tmp_path):
    config = validated_config(tmp_path, scores=[0.5, 0.4])
    config.default_hooks.checkpoint.interval = 100
    stopping = {"type": "EarlyStoppingHook", "monitor": "tiny/score", "rule": "greater"}
    config.custom_hooks.append({**stopping, "patience": 1})
    train(config)
    assert meta_of(tmp_path / "iter_8.pth")["iter"] == 8
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "iter_8.pth")


@pytest.mark.parametrize(
    ("score", "rule", "best"),
    [
        (0.6, "greater", True),
        (0.5, "greater", False),
        (0.4, "less", True),
        (float("nan"), "greater", False),
        (float("inf"), "greater", False),
        (-float("inf"), "less", False),
        (None, "greater", False),
    ],
)
def test_a_score_that_is_no_number_is_never_the_best(score, rule, best):
    hub = MessageHub.get_instance(f"best {score} {rule}")
    hub.update_info("best_score", 0.5)
    runner = SimpleNamespace(message_hub=hub, logger=logging.getLogger())
    hook = CheckpointHook(save_best="score", rule=rule)
    assert is_best(hook, runner, "score", {"score": score, "other": 1.0}) is best
    with pytest.raises(ValueError, match=r"save_best='score' is none of the numbers \['other'\]"):
        is_best(hook, runner, "score", {"other": 1.0})


class FullDisk(LocalBackend):
    """A disk without room for some files."""

    refused: tuple[str, ...] = ()

    def put(self, obj: bytes, filepath: str) -> None:
        if any(name in filepath for name in self.refused):
            raise OSError(28, "No space left on device", filepath)
        super().put(obj, filepath)


@pytest.fixture
def full_disk(tmp_path):
    register_backend("full_disk", FullDisk, force=True)
    config = validated_config(tmp_path, interval=100)
    config.default_hooks.checkpoint.backend_args = {"backend": "full_disk"}
    yield config
    FullDisk.refused = ()


@pytest.mark.slow
def test_a_full_disk_keeps_the_checkpoint_before_and_the_training(full_disk, tmp_path):
    FullDisk.refused = ("iter_6.pth", "iter_8.pth")
    train(full_disk, stop=9)
    assert names(tmp_path) == ["iter_4.pth"]  # iter_2 made room, in vain
    FullDisk.refused = ()
    train(full_disk, resume=True)
    assert names(tmp_path) == ["best_tiny_score_iter_12.pth", "iter_10.pth", "iter_12.pth"]


class FullLog(LocalVisBackend):
    """A log without room."""

    def add_scalars(self, *args, **kwargs):
        raise OSError(28, "No space left on device", "scalars.json")


def test_a_log_that_is_full_ends_no_training(tmp_path, capsys):
    VISBACKENDS.register_module(module=FullLog, force=True)
    config = validated_config(tmp_path, visualizer=None)
    config.visualizer = {"type": "Visualizer", "vis_backends": [{"type": "FullLog"}]}
    config.default_hooks.logger.interval = 2
    train(config)
    assert len(steps_of(tmp_path)) == 12
    assert capsys.readouterr().out.count("the disk is full (scalars.json)") == 1


@pytest.mark.slow
@pytest.mark.parametrize("is_freed", [True, False])
def test_at_the_end_a_full_disk_is_waited_for(full_disk, tmp_path, monkeypatch, is_freed):
    naps = []

    def nap(seconds):
        naps.append(seconds)
        if is_freed and len(naps) == 3:
            FullDisk.refused = ()

    monkeypatch.setattr(checkpoint_hook.time, "sleep", nap)
    FullDisk.refused = ("iter_12.pth",)
    if is_freed:
        train(full_disk)
        assert naps == [60.0] * 3
        assert "iter_12.pth" in names(tmp_path)
    else:
        with pytest.raises(OSError, match="No space left"):
            train(full_disk)
        assert naps == [60.0] * 9
        assert names(tmp_path) == ["iter_10.pth"]


def test_a_misspelt_argument_is_told_at_once():
    with pytest.raises(TypeError, match="unexpected keyword argument 'interval_minute'"):
        CheckpointHook(interval_minute=5)
    with pytest.raises(ValueError, match="above 0, got 0"):
        CheckpointHook(interval_minutes=0)
