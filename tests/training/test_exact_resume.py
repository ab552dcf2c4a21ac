"""A training that was stopped and resumed is, bit by bit, the one that was not."""

import pytest
import torch

from tests.training.tiny_training import (
    MOVING_AVERAGE,
    differences_at_end,
    steps_of,
    tiny_config,
    train,
)

NOTES = {"type": "NoteStepsHook"}
SEED = {"seed": 5}


def assert_exact(folder, *, stop, **changes):
    """Train in one go, and again stopped after a step and resumed; compare everything."""
    train(tiny_config(folder / "whole", randomness=SEED, **changes))
    train(tiny_config(folder / "stopped", randomness=SEED, **changes), stop=stop)
    train(tiny_config(folder / "stopped", randomness=SEED, **changes), resume=True)
    expected = {step["step"]: step for step in steps_of(folder / "whole")}
    steps = steps_of(folder / "stopped")
    assert {step["step"] for step in steps} == expected.keys()
    assert len(steps) <= len(expected) + 2  # the checkpoint is two steps old at most
    for step in steps:
        assert step == expected[step["step"]]
    assert not differences_at_end(folder / "whole", folder / "stopped")


@pytest.mark.parametrize(
    ("counts", "stop"),
    [
        pytest.param(3, 5, id="half a window"),
        pytest.param(3, 7, id="whole windows", marks=pytest.mark.slow),
        pytest.param(1, 7, id="no accumulation", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    ("by_epoch", "sampler"),
    [
        (False, "DefaultSampler"),
        (False, "InfiniteSampler"),
        (False, "MultiSourceSampler"),
        (True, "DefaultSampler"),
        (True, "MultiSourceSampler"),
    ],
)
def test_any_loop_and_sampler(by_epoch, sampler, counts, stop, tmp_path):
    """5 steps an epoch; the last checkpoint is of step 4 or 6, in half a window of 3 at 4."""
    assert_exact(
        tmp_path,
        stop=stop,
        by_epoch=by_epoch,
        sampler=sampler,
        optim_wrapper__accumulative_counts=counts,
        custom_hooks=[{"type": "SyncBuffersHook"}, MOVING_AVERAGE, NOTES],
    )


SCHEDULES = {
    "StepLR": {"step_size": 2, "gamma": 0.5},
    "MultiStepLR": {"milestones": [2, 5], "gamma": 0.5},
    "ConstantLR": {"factor": 0.5, "end": 7},
    "ExponentialLR": {"gamma": 0.9},
    "PolyLR": {"power": 0.9, "eta_min": 1e-3},
    "OneCycleLR": {"eta_max": 0.2, "total_steps": 15},
    "CosineRestartLR": {"periods": [5, 10], "restart_weights": [1, 0.5], "eta_min": 0.0},
    "LinearMomentum": {"start_factor": 0.5, "end": 9},
    "CosineAnnealingMomentum": {"T_max": 6, "eta_min": 0.5},
}


@pytest.mark.slow
@pytest.mark.parametrize("in_epochs", [False, True], ids=["steps", "epochs"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_any_schedule(name, in_epochs, tmp_path):
    schedule = {"type": name, "by_epoch": in_epochs, **SCHEDULES[name]}
    assert_exact(tmp_path, stop=8, by_epoch=in_epochs, param_scheduler=[schedule])


@pytest.mark.slow
def test_a_schedule_in_epochs_that_is_turned_into_steps(tmp_path):
    schedule = {"type": "CosineAnnealingLR", "T_max": 3, "convert_to_iter_based": True}
    assert_exact(tmp_path, stop=8, by_epoch=True, param_scheduler=[schedule])


@pytest.mark.slow
def test_a_compiled_step(tmp_path):
    assert_exact(tmp_path, stop=5, compile={"backend": "aot_eager"})


@pytest.mark.slow
def test_workers_load_what_the_process_would(tmp_path):
    loader = {"train_dataloader__num_workers": 1, "train_dataloader__persistent_workers": True}
    assert_exact(tmp_path, stop=5, sampler="InfiniteSampler", **loader)


@pytest.mark.slow
def test_without_a_seed_the_drawn_one_is_kept(tmp_path):
    """Of 20 samples an epoch each is trained on once, though nobody chose a seed."""
    train(tiny_config(tmp_path), stop=3)
    runner = train(tiny_config(tmp_path), resume=True)
    steps = {step["step"]: step["indices"] for step in steps_of(tmp_path)}
    for first in (1, 6):
        shown = [index for step in range(first, first + 5) for index in steps[step]]
        assert sorted(shown) == list(range(20))
    stored = torch.load(tmp_path / "iter_12.pth", weights_only=True)["meta"]["seed"]
    assert stored == runner.seed


def test_a_checkpoint_at_the_end_of_an_epoch_begins_the_next(tmp_path):
    """Checkpoints of whole epochs; the third of 3 epochs is left."""
    hooks = {"checkpoint": {"type": "CheckpointHook", "interval": 1}}
    settings = {"by_epoch": True, "default_hooks": hooks}
    train(tiny_config(tmp_path / "whole", randomness=SEED, **settings))
    train(tiny_config(tmp_path / "stopped", randomness=SEED, **settings), stop=12)
    train(tiny_config(tmp_path / "stopped", **settings), resume=True)
    assert [step["step"] for step in steps_of(tmp_path / "stopped")][-5:] == [11, 12, 13, 14, 15]
    assert not differences_at_end(tmp_path / "whole", tmp_path / "stopped")


def test_a_checkpoint_of_mmengine_goes_on_at_its_step(tmp_path):
    """Such as older versions wrote: no place in it, so the number of steps has to do."""
    train(tiny_config(tmp_path, randomness=SEED), stop=8)
    path = tmp_path / "iter_8.pth"
    content = torch.load(path, weights_only=True)
    del content["meta"]["run"]
    torch.save(content, path)
    train(tiny_config(tmp_path), resume=True)
    shown = [step["indices"] for step in steps_of(tmp_path) if 6 <= step["step"] <= 10]
    assert sorted(index for indices in shown for index in indices) == list(range(20))
