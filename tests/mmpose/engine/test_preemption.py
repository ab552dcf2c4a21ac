"""A training that is told to stop finishes its step and can be resumed."""

import multiprocessing
import os
import signal
import time

import pytest
import torch

from mmpose.engine.preemption import (
    PREEMPTED,
    Preempted,
    noted_signal,
    signal_name,
    watch_signals,
)
from tests.training.tiny_faults import validated_config
from tests.training.tiny_training import differences, last_state, steps_of, train


def test_signals_are_noted_and_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with watch_signals():
        assert noted_signal() == 0
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        assert noted_signal() == signal.SIGUSR1  # the first one
    assert noted_signal() == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_interrupt_is_obeyed_at_once(monkeypatch):
    clock = iter([10.0, 11.0, 12.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with watch_signals():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)  # a second later: the same, by way of a launcher
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_names():
    assert [signal_name(n) for n in (signal.SIGTERM, signal.SIGINT)] == ["SIGTERM", "Ctrl-C"]
    assert Preempted("why").code == PREEMPTED == 75
    assert str(Preempted("why")) == "why"


def _sleep():
    time.sleep(60)


def test_data_workers_outlive_a_signal_to_the_group_but_not_the_training():
    with watch_signals():
        worker = multiprocessing.get_context("fork").Process(target=_sleep, daemon=True)
        worker.start()
        os.kill(worker.pid, signal.SIGTERM)
        os.kill(worker.pid, signal.SIGINT)
        worker.join(0.3)
        assert worker.is_alive()
    assert worker.exitcode == -signal.SIGKILL


def stop_and_resume(tmp_path, step, when="train", number=signal.SIGTERM, **changes):
    """Train once without a signal and once with one; the stopped part's checkpoint."""
    settings = {"scores": [0.2, 0.5, 0.3], **changes}
    train(validated_config(tmp_path / "all", **settings))
    config = validated_config(tmp_path / "cut", **settings)
    config.custom_hooks.append({"type": "SignalHook", "number": int(number), "step": step})
    config.custom_hooks[-1]["when"] = when
    with watch_signals(), pytest.raises(Preempted) as caught:
        train(config)
    assert caught.value.code == 75
    path = (tmp_path / "cut" / "last_checkpoint").read_text()
    meta = torch.load(path, weights_only=False)["meta"]
    assert f"holds the first {meta['iter']} steps" in str(caught.value)
    train(validated_config(tmp_path / "cut", **settings), resume=True)
    assert steps_of(tmp_path / "cut") == steps_of(tmp_path / "all")
    assert not differences(last_state(tmp_path / "all"), last_state(tmp_path / "cut"))
    validations = [(tmp_path / name / "validations").read_text() for name in ("all", "cut")]
    assert validations[0] == validations[1]
    names = [sorted(p.name for p in (tmp_path / n).glob("*.pth")) for n in ("all", "cut")]
    assert names[0] == names[1]
    return meta["epoch"], meta["iter"]


def test_the_step_is_finished(tmp_path):
    assert stop_and_resume(tmp_path, step=5) == (0, 5)


@pytest.mark.slow
def test_in_the_middle_of_an_epoch(tmp_path):
    assert stop_and_resume(tmp_path, step=8, by_epoch=True, interval=2) == (1, 8)


@pytest.mark.slow
def test_at_the_end_of_an_epoch(tmp_path):
    place = stop_and_resume(tmp_path, step=5, number=signal.SIGUSR1, by_epoch=True, interval=2)
    assert place == (1, 5)


@pytest.mark.slow
def test_before_a_validation(tmp_path):
    assert stop_and_resume(tmp_path, step=8, number=signal.SIGINT) == (0, 8)


@pytest.mark.slow
@pytest.mark.parametrize("step", [4, 12])
def test_in_a_validation(tmp_path, step):
    assert stop_and_resume(tmp_path, step=step, when="val") == (0, step)


@pytest.mark.slow
def test_an_accumulation_window_is_finished(tmp_path):
    changes = {"optim_wrapper__accumulative_counts": 3, "interval": 100}
    assert stop_and_resume(tmp_path, step=4, **changes) == (0, 6)
