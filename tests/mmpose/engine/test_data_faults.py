"""Data that does not come ends a training in one line, after a checkpoint."""

import pytest

from mmpose.engine.data_faults import DataError, explain_data_error
from tests.training.tiny_faults import validated_config
from tests.training.tiny_training import differences, last_state, steps_of, train


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            RuntimeError("DataLoader worker (pid(s) 12) exited unexpectedly"),
            "a data worker died (DataLoader worker (pid(s) 12) exited unexpectedly), often for "
            "lack of memory; see dmesg, lower num_workers or the batch size",
            id="worker",
        ),
        pytest.param(
            OSError("Caught OSError in DataLoader worker process 0.\nOriginal Traceback:\n  File"
                    "\nOSError: disk gone"),
            "data cannot be read: OSError: disk gone",
            id="in a worker",
        ),
        pytest.param(ValueError(""), "data cannot be read: ValueError('')", id="no text"),
    ],
)  # fmt: skip
def test_what_a_user_can_fix_is_one_line(error, expected):
    told = explain_data_error(error)
    assert isinstance(told, DataError)
    assert str(told) == expected


@pytest.mark.parametrize(
    "error", [ConnectionResetError(104, "Connection reset by peer"), EOFError()]
)
def test_the_end_of_a_worker_s_pipe_is_the_end_of_the_worker(error):
    told = explain_data_error(error)
    assert isinstance(told, DataError)
    assert str(told).startswith("a data worker died (")


@pytest.mark.parametrize("error", [IndexError("3"), RuntimeError("shape"), TypeError("x")])
def test_a_fault_of_the_code_keeps_its_traceback(error):
    assert explain_data_error(error) is error


@pytest.mark.parametrize(
    ("fault", "workers", "told"),
    [
        pytest.param(
            "corrupt", 0, "data cannot be read: image 7.jpg is corrupt", marks=pytest.mark.slow
        ),
        pytest.param("corrupt", 1, "image 7.jpg is corrupt", marks=pytest.mark.slow),
        pytest.param("killed", 1, "a data worker died", marks=pytest.mark.slow),
    ],
)
def test_what_was_trained_is_on_disk_and_goes_on_exactly(tmp_path, fault, workers, told):
    def make(folder, **dataset):
        config = validated_config(folder, interval=100, train_dataloader__num_workers=workers)
        config.default_hooks.checkpoint |= {"interval": 5, "save_best": None}
        config.train_dataloader.dataset = {"type": "FaultyNumbers", "lens": [13, 7], **dataset}
        return config

    train(make(tmp_path / "all"))
    with pytest.raises(DataError, match=told):
        train(make(tmp_path / "cut", bad=7, fault=fault))
    done = steps_of(tmp_path / "cut")
    (name,) = [path.name for path in (tmp_path / "cut").glob("*.pth")]
    assert name == f"iter_{len(done)}.pth"
    train(make(tmp_path / "cut"), resume=True)
    assert steps_of(tmp_path / "cut") == steps_of(tmp_path / "all")
    assert not differences(last_state(tmp_path / "all"), last_state(tmp_path / "cut"))
