"""Speed, waiting, learning rates and best values, by a clock and numbers given by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import BaseDataElement, InstanceData

from mmpose.engine import training_scalars
from mmpose.engine.training_scalars import TrainingScalarsHook, count_people, name_rates


class Runner(SimpleNamespace):
    """What the hook asks of a runner; collects what is logged."""

    def __init__(self, name, groups=()):
        self.logged = []
        super().__init__(
            iter=0,
            hooks=[],
            message_hub=MessageHub(name),
            optim_wrapper=SimpleNamespace(param_groups=list(groups)),
            visualizer=SimpleNamespace(
                add_scalars=lambda scalars, step: self.logged.append((step, scalars))
            ),
        )

    def current(self, name):
        return self.message_hub.get_scalar(f"train/{name}").current()


def batch_of(*counts):
    samples = []
    for count in counts:
        sample = BaseDataElement()
        sample.gt_instances = InstanceData(bboxes=torch.zeros(count, 4))
        samples.append(sample)
    return {"inputs": [], "data_samples": samples}


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(training_scalars, "time", SimpleNamespace(perf_counter=lambda: now.seconds))
    return now


def test_people_are_counted_whatever_a_sample_holds():
    assert count_people(batch_of(1, 1, 1)) == 3
    assert count_people(batch_of(0, 5)) == 5
    assert count_people({"inputs": []}) is None
    assert count_people([1, 2]) is None
    assert count_people({"data_samples": [BaseDataElement()]}) is None


def test_speed_counts_waiting_and_checkpoints_but_no_validation(clock):
    runner, hook = Runner("speed"), TrainingScalarsHook()
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    clock.seconds += 7  # workers start: before the first step nothing is measured
    hook.before_train_iter(runner, 0, batch_of(4, 4))
    assert "train/people_per_s" not in runner.message_hub.log_scalars
    clock.seconds += 3  # step
    hook.after_train_iter(runner, 0)
    hook.before_val(runner)
    clock.seconds += 50
    hook.after_val(runner)
    clock.seconds += 1  # the loader
    hook.before_train_iter(runner, 1, batch_of(2))
    assert runner.current("people_per_s") == pytest.approx(8 / 4)
    assert runner.current("wait_share") == pytest.approx(1 / 4)
    clock.seconds += 2
    hook.after_train_iter(runner, 1)
    clock.seconds += 4
    hook.before_train_iter(runner, 2, batch_of(2))
    assert runner.current("people_per_s") == pytest.approx((8 + 2) / (4 + 6))
    assert runner.current("wait_share") == pytest.approx((1 + 4) / (4 + 6))


def test_only_the_last_steps_count_and_several_processes_add_up(clock, monkeypatch):
    monkeypatch.setattr(training_scalars, "get_world_size", lambda: 3)
    runner, hook = Runner("window"), TrainingScalarsHook(window=1)
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    for people, seconds in ((10, 10), (6, 2)):
        hook.before_train_iter(runner, 0, batch_of(people))
        clock.seconds += seconds
        hook.after_train_iter(runner, 0)
    hook.before_train_iter(runner, 0, batch_of(1))
    assert runner.current("people_per_s") == pytest.approx(3 * 6 / 2)
    # a resumed run does not show the speed of the one before
    hook.before_train(runner)
    assert "train/people_per_s" not in runner.message_hub.log_scalars


def test_other_processes_measure_nothing(clock, monkeypatch):
    monkeypatch.setattr(training_scalars, "is_main_process", lambda: False)
    runner, hook = Runner("other"), TrainingScalarsHook()
    hook.before_train(runner)
    for _ in range(3):
        hook.before_train_iter(runner, 0, batch_of(1))
        clock.seconds += 1
        hook.after_train_iter(runner, 0)
    assert not runner.message_hub.log_scalars


def test_groups_of_one_rate_get_one_name():
    decays = [
        {"lr": 0.1, "group_name": "layer_0_decay"},
        {"lr": 0.1, "group_name": "layer_0_no_decay"},
        {"lr": 0.4, "group_name": "layer_1_decay"},
        {"lr": 0.4},  # mmengine's own
    ]
    assert name_rates(decays) == {"layer_0": 0, "layer_1": 2}
    assert name_rates([{"lr": 1e-3, "initial_lr": 0.5}, {"lr": 1e-3, "initial_lr": 0.05}]) == {
        "x1": 0,
        "x0.1": 1,
    }
    two = [{"lr": 0.1, "group_name": "decay"}, {"lr": 0.1, "group_name": "no_decay"}]
    assert name_rates(two) == {}


def test_rates_are_logged_at_the_step_that_takes_them():
    groups = [{"lr": 0.2, "initial_lr": 0.2}, {"lr": 0.1, "initial_lr": 0.1}]
    runner, hook = Runner("rates", groups), TrainingScalarsHook(interval=2)
    hook.before_train(runner)
    for step in range(4):
        runner.iter = step
        hook.before_train_iter(runner, step, None)
        groups[0]["lr"] /= 2  # the schedule, after the step
    assert runner.logged == [
        (2, {"train/lr/x1": 0.1, "train/lr/x0.5": 0.1}),
        (4, {"train/lr/x1": 0.025, "train/lr/x0.5": 0.1}),
    ]


def test_the_best_of_each_metric_is_logged():
    runner, hook = Runner("best"), TrainingScalarsHook()
    runner.hooks = [SimpleNamespace(key_indicators=["speed"], rules=["less"])]
    values = {
        "COCO/AP": [0.5, 0.25],
        "COCO/AP_low": [0.4, 0.1],
        "pixel_error": [9.0, float("nan")],
        "oks": [float("nan")] * 2,
        "speed": [3.0, 4.0],
        "other": [1.0, 2.0],
    }
    for name, history in values.items():
        for value in history:
            runner.message_hub.update_scalar(f"val/{name}", value)
    runner.iter = 30
    hook.after_val_epoch(runner, {name: history[-1] for name, history in values.items()})
    expected = {"best/COCO/AP": 0.5, "best/pixel_error": 9.0, "best/speed": 3.0}
    assert runner.logged == [(30, expected)]
    hook.after_val_epoch(runner, None)
    assert len(runner.logged) == 1


@pytest.mark.parametrize("options", [{"interval": 0}, {"window": 0}])
def test_intervals_are_at_least_one(options):
    with pytest.raises(ValueError, match="at least 1"):
        TrainingScalarsHook(**options)


def test_nothing_is_read_from_a_device():
    # lengths of tensors are known to the host; a value would have to be fetched
    sample = BaseDataElement()
    sample.gt_instances = InstanceData(bboxes=torch.empty(6, 4, device="meta"))
    assert count_people({"data_samples": [sample]}) == 6
    assert np.isscalar(count_people({"data_samples": [sample]}))
