"""Losses reach the log, checkpoints and their own numbers though nobody waits for them."""

import copy
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub

from mmpose.engine import late_scalars
from mmpose.engine.late_scalars import LateHistory, log_late
from tests.silent_device import SilentDevice


@pytest.fixture
def hub():
    return MessageHub("late scalars")


@pytest.fixture(autouse=True)
def _forget(request):
    yield
    MessageHub._instance_dict.pop("late scalars", None)


def test_numbers_come_out_in_the_order_they_went_in(hub):
    for value in (1.0, 2.0, 4.0):
        log_late(hub, "train/loss", torch.tensor([value], requires_grad=True))
    history = hub.get_scalar("train/loss")
    assert history.current() == 4
    assert history.mean(2) == 3
    log_late(hub, "train/loss", torch.tensor(8.0))
    history.update(16)
    np.testing.assert_array_equal(history.data[0], [1, 2, 4, 8, 16])
    np.testing.assert_array_equal(history.data[1], np.ones(5))


def test_a_plain_number_is_logged_as_ever(hub):
    log_late(hub, "train/lr", 0.5)
    assert type(hub.get_scalar("train/lr")) is HistoryBuffer
    assert hub.get_scalar("train/lr").current() == 0.5


def test_what_is_logged_is_what_the_tensor_held_then(hub):
    loss = torch.tensor(1.0)
    log_late(hub, "train/loss", loss)
    loss += 1  # as a replayed graph overwrites its answer
    assert hub.get_scalar("train/loss").current() == 1


def test_a_checkpoint_holds_the_engines_own_class(hub):
    log_late(hub, "train/loss", torch.tensor(2.0))
    saved = hub.state_dict()["log_scalars"]["train/loss"]
    assert type(saved) is HistoryBuffer
    assert saved.current() == 2
    assert type(pickle.loads(pickle.dumps(LateHistory(saved)))) is HistoryBuffer


def test_a_resumed_history_goes_on(hub):
    resumed = HistoryBuffer([1.0, 2.0], [1, 1])
    hub.log_scalars["train/loss"] = copy.deepcopy(resumed)
    log_late(hub, "train/loss", torch.tensor(3.0))
    np.testing.assert_array_equal(hub.get_scalar("train/loss").data[0], [1, 2, 3])


def test_the_oldest_go_where_the_length_is_limited():
    history = LateHistory(HistoryBuffer([1.0], [1], max_length=2))
    for value in (2.0, 3.0):
        history.put(torch.tensor(value))
    np.testing.assert_array_equal(history.data[0], [2, 3])


def test_they_do_not_pile_up_where_nobody_looks(monkeypatch):
    monkeypatch.setattr(late_scalars, "MOST_WAITING", 2)
    history = LateHistory()
    for value in (1.0, 2.0, 3.0):
        history.put(torch.tensor(value))
    assert len(history._waiting) == 1


def test_nothing_is_read_until_somebody_looks(hub):
    with SilentDevice() as device:
        log_late(hub, "train/loss", torch.zeros(1, device="meta"))
    assert device.waits == []
    with pytest.raises(NotImplementedError):  # there are no numbers on this device
        hub.get_scalar("train/loss").current()
