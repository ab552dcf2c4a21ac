"""A run resumed with another config: each difference is used and told, or refused with a fix."""

import json
import math
from pathlib import Path

import pytest

from tests.training.tiny_training import (
    MOVING_AVERAGE,
    differences,
    last_state,
    steps_of,
    tiny_config,
    train,
)

NOTES = {"type": "NoteStepsHook"}
COSINE = [{"type": "CosineAnnealingLR", "by_epoch": False, "eta_min": 0.0}]


def resume(folder: Path, *, stop: int, before: dict | None = None, **after) -> str:
    """Train up to a step, go on with another config; what was logged of that."""
    train(tiny_config(folder, **(before or {})), stop=stop)
    runner = train(tiny_config(folder, **after), resume=True)
    return Path(runner.log_dir, f"{runner.timestamp}.log").read_text()


def rates(folder: Path) -> dict[int, float]:
    return {step["step"]: step["lr"][0] for step in steps_of(folder)}


def test_nothing_is_told_of_an_unchanged_run(tmp_path):
    assert "changes" not in resume(tmp_path, stop=5)


def test_another_rate_and_decay_are_used_from_the_resumed_step_on(tmp_path):
    log = resume(
        tmp_path,
        stop=7,
        before={"param_scheduler": COSINE},
        param_scheduler=COSINE,
        optim_wrapper__optimizer__lr=0.4,
        optim_wrapper__optimizer__weight_decay=0.3,
    )
    assert "optim_wrapper.optimizer.lr: 0.1 -> 0.4" in log
    assert "optim_wrapper.optimizer.weight_decay: 0.1 -> 0.3" in log
    assert "the schedule is worked out anew up to this step" in log
    for step, rate in rates(tmp_path).items():
        # noted after the schedule's step: the rate of the next one, which the last step lacks
        base = 0.1 if step <= 6 else 0.4
        expected = base * (1 + math.cos(math.pi * min(step, 11) / 12)) / 2
        assert rate == pytest.approx(expected, abs=1e-9)
    (group,) = last_state(tmp_path)["optimizer"]["param_groups"]
    assert group["weight_decay"] == 0.3
    assert group["initial_lr"] == 0.4


def test_a_longer_schedule_is_the_one_that_was_longer_from_the_start(tmp_path):
    """Its rates are; the steps before were trained with those of the shorter one."""
    longer = {"train_cfg__max_iters": 20, "param_scheduler": COSINE}
    train(tiny_config(tmp_path / "longer", **longer))
    log = resume(tmp_path / "resumed", stop=8, before={"param_scheduler": COSINE}, **longer)
    assert "train_cfg.max_iters: 12 -> 20" in log
    expected, found = rates(tmp_path / "longer"), rates(tmp_path / "resumed")
    assert {step: found[step] for step in range(9, 21)} == {
        step: expected[step] for step in range(9, 21)
    }


@pytest.mark.parametrize("batch_size", [2, 10])
def test_another_batch_shows_the_rest_of_the_epoch_once(batch_size, tmp_path):
    """After 2 of 5 batches of 4 there are 12 of 20 samples left."""
    log = resume(tmp_path, stop=3, train_dataloader__batch_size=batch_size)
    assert f"samples of a process's batch: 4 -> {batch_size}" in log
    assert "the place in the data is kept" in log
    steps = [step for step in steps_of(tmp_path) if step["step"] <= 2]
    steps += [step for step in steps_of(tmp_path)[3:] if step["step"] > 2]
    shown = [index for step in steps for index in step["indices"]]
    assert sorted(shown[:20]) == list(range(20))


def test_a_schedule_in_epochs_ends_with_the_last_whatever_the_batch(tmp_path):
    """3 epochs of 5 steps, from the middle of the second on of 10 steps of half the batch."""
    cosine = [{"type": "CosineAnnealingLR", "T_max": 3, "end": 3, "convert_to_iter_based": True}]
    settings = {"by_epoch": True, "param_scheduler": cosine}
    smaller = {"train_dataloader__batch_size": 2, **settings}
    train(tiny_config(tmp_path / "smaller", **smaller))
    log = resume(tmp_path / "resumed", stop=9, before=settings, **smaller)
    assert "steps of an epoch: 5 -> 10" in log
    steps = steps_of(tmp_path / "resumed")[9:]
    # 8 of the old steps are 16 of the new ones
    assert [step["step"] for step in steps] == list(range(17, 31))
    expected = rates(tmp_path / "smaller")
    assert [step["lr"][0] for step in steps] == [expected[step] for step in range(17, 31)]
    shown = [index for step in steps[:4] for index in step["indices"]]
    whole = steps_of(tmp_path / "resumed")[5:8]
    shown += [index for step in whole for index in step["indices"]]
    assert sorted(shown) == list(range(20))


def test_a_data_set_of_another_size_begins_a_new_pass(tmp_path):
    log = resume(tmp_path, stop=7, train_dataloader__dataset__lens=[5, 7])
    assert "samples of the data set: 20 -> 12 (a new pass of the data begins)" in log
    shown = [index for step in steps_of(tmp_path)[7:10] for index in step["indices"]]
    assert sorted(shown) == list(range(12))


def test_a_window_of_another_length_drops_what_was_added_up_and_says_so(tmp_path):
    log = resume(
        tmp_path,
        stop=5,
        before={"optim_wrapper__accumulative_counts": 3},
        optim_wrapper__accumulative_counts=2,
    )
    assert "optim_wrapper.accumulative_counts: 3 -> 2" in log
    assert "gradients of its first steps are dropped" in log


def test_an_average_may_be_added(tmp_path):
    log = resume(tmp_path, stop=5, custom_hooks=[NOTES, MOVING_AVERAGE])
    assert "custom_hooks.EMAHook: not set -> there" in log
    assert "an average begins with the weights of this step" in log
    assert "ema_state_dict" in last_state(tmp_path)


def test_a_run_that_is_done_says_so(tmp_path):
    log = resume(tmp_path, stop=9, train_cfg__max_iters=6)
    assert "nothing is left to train: step 8 of 6" in log


PLATEAU = [{"type": "ReduceOnPlateauLR", "monitor": "loss"}]
REFUSED = {
    "optimiser": (
        {},
        {"optim_wrapper__optimizer": {"_delete_": True, "type": "SGD", "lr": 0.1}},
        r"optim_wrapper.optimizer.type was AdamW and is SGD: .* load_from=.*iter_2.pth",
    ),
    "average": (
        {"custom_hooks": [NOTES, MOVING_AVERAGE]},
        {"custom_hooks": [NOTES]},
        "no EMAHook: put it back, or start another run",
    ),
    "frozen": (
        {},
        {"model__frozen": True},
        "now frozen: first.bias, first.weight",
    ),
    "thawed": (
        {"model__frozen": True},
        {},
        "no longer frozen: first.bias, first.weight",
    ),
    "seed": (
        {"randomness": {"seed": 1}},
        {"randomness": {"seed": 2}},
        "the run has seed 1, not 2: .* leave the seed out or give --seed 1",
    ),
    "epochs": ({}, {"by_epoch": True}, "train_cfg.counts was steps and is epochs: keep"),
    "groups": (
        {},
        {"optim_wrapper__constructor": "TwoGroupOptimWrapperConstructor"},
        "grouped in another way",
    ),
    "plateau": (
        {"param_scheduler": PLATEAU},
        {"param_scheduler": PLATEAU, "optim_wrapper__optimizer__lr": 0.2},
        "ReduceOnPlateauLR follows a metric of past validations",
    ),
    "other weights": ({}, {"model__width": 7}, "size mismatch for first.weight"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_go_on_is_refused_and_nothing_is_trained(case, tmp_path):
    before, after, message = REFUSED[case]
    train(tiny_config(tmp_path, **before), stop=3)
    files = {path: path.read_bytes() for path in tmp_path.glob("*.pth")}
    with pytest.raises(ValueError, match=message):
        train(tiny_config(tmp_path, **after), resume=True)
    assert len(steps_of(tmp_path)) == 3
    assert {path: path.read_bytes() for path in tmp_path.glob("*.pth")} == files


def test_a_new_run_from_the_weights_is_no_resume(tmp_path):
    """The fix that refusals offer."""
    train(tiny_config(tmp_path / "first", custom_hooks=[NOTES, MOVING_AVERAGE]), stop=3)
    averages = last_state(tmp_path / "first")["state_dict"]
    start = {"load_from": str(tmp_path / "first" / "iter_2.pth")}
    still = {"optim_wrapper__optimizer": {"_delete_": True, "type": "SGD", "lr": 0.0}}
    still["param_scheduler"] = [{"type": "ConstantLR", "by_epoch": False, "factor": 1.0}]
    train(tiny_config(tmp_path / "second", **start, **still))
    weights = last_state(tmp_path / "second")["state_dict"]
    learnt = ("first.weight", "last.weight")  # the norm's averages go on
    assert not differences({k: averages[k] for k in learnt}, {k: weights[k] for k in learnt})
    assert [step["step"] for step in steps_of(tmp_path / "second")] == list(range(1, 13))


def test_the_differences_are_no_secret_of_the_log_file(tmp_path, capsys):
    resume(tmp_path, stop=5, model__dropout=0.1)
    told = capsys.readouterr()
    assert "model.dropout: not set -> 0.1 (used from here on)" in told.out + told.err
    assert json.dumps([step["step"] for step in steps_of(tmp_path)])[-3:] == "12]"
