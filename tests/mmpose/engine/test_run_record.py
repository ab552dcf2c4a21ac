"""The record of a run is never worth the run."""

from types import SimpleNamespace

import pytest

from mmpose.engine.run_record import RECORD, RunRecordHook


@pytest.fixture
def runner(tmp_path):
    (tmp_path / "vis_data").mkdir()
    return SimpleNamespace(log_dir=str(tmp_path))


def test_a_full_disk_is_told_and_ends_no_training(runner, tmp_path, capsys):
    """The last weights are written after the record: an error here would lose them."""
    (tmp_path / "vis_data" / RECORD).symlink_to("/dev/full")
    RunRecordHook().after_train(runner)
    told = "".join(capsys.readouterr())
    assert f"the disk is full: {RECORD} of this run is not written" in told


def test_another_fault_of_the_folder_is_raised(runner, tmp_path):
    (tmp_path / "vis_data").rmdir()
    (tmp_path / "vis_data").write_text("a file")
    with pytest.raises(FileExistsError):
        RunRecordHook().after_train(runner)
