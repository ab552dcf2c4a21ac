"""Which checkpoint a run goes on from."""

from pathlib import Path

import pytest
import torch

from mmpose.engine.last_checkpoint import find_damage, newest_checkpoint, write_last


def write_checkpoint(path: Path, steps: int) -> Path:
    content = {"meta": {"iter": steps, "epoch": 0}, "optimizer": {}, "state_dict": {}}
    torch.save(content | {"weights": torch.arange(1000.0)}, path)
    return path


@pytest.fixture
def folder(tmp_path):
    """Three checkpoints, the second of which is named by ``last_checkpoint``; and a best one."""
    write_checkpoint(tmp_path / "iter_90.pth", 90)
    last = write_checkpoint(tmp_path / "iter_100.pth", 100)
    write_checkpoint(tmp_path / "epoch_2.pth", 20)
    torch.save({"meta": {"iter": 500}, "state_dict": {}}, tmp_path / "best_coco_AP_iter_500.pth")
    write_last(tmp_path, str(last))
    return tmp_path


def test_the_named_one_is_taken(folder, capsys):
    assert newest_checkpoint(folder) == str(folder / "iter_100.pth")
    write_last(folder, "epoch_2.pth")  # as people go back to an older one
    assert newest_checkpoint(folder) == str(folder / "epoch_2.pth")
    assert not capsys.readouterr().err


def test_a_renamed_folder_goes_on_with_its_own(folder, tmp_path_factory):
    copy = folder.rename(tmp_path_factory.mktemp("elsewhere") / "copy")
    assert newest_checkpoint(copy) == str(copy / "iter_100.pth")


def test_of_a_copied_folder_the_original_is_left_alone(folder, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "last_checkpoint").write_text((folder / "last_checkpoint").read_text())
    assert newest_checkpoint(copy) is None


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_without_a_name_the_one_of_most_steps_is_taken_and_told(folder, content, caplog, capsys):
    (folder / "last_checkpoint").unlink()
    if content is not None:
        (folder / "last_checkpoint").write_text(content)
    assert newest_checkpoint(folder) == str(folder / "iter_100.pth")
    told = capsys.readouterr().out + capsys.readouterr().err
    assert f"last_checkpoint is {'missing' if content is None else 'empty'}" in told
    assert "going on from iter_100.pth" in told


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        pytest.param(lambda p: p.unlink(), "is not there", id="gone"),
        pytest.param(lambda p: p.write_bytes(p.read_bytes()[:-100]), "is cut off", id="cut off"),
        pytest.param(lambda p: p.write_bytes(b""), "is cut off", id="empty"),
        pytest.param(
            # four bytes of the weights, in the middle of the file
            lambda p: p.write_bytes(p.read_bytes()[:3000] + b"\0\1\2\3" + p.read_bytes()[3004:]),
            "is damaged in",
            id="holes",
        ),
    ],
)
def test_a_broken_one_gives_way_to_the_one_before(folder, harm, word, capsys):
    harm(folder / "iter_100.pth")
    assert word in find_damage(folder / "iter_100.pth")
    assert newest_checkpoint(folder) == str(folder / "iter_90.pth")
    told = capsys.readouterr().out
    assert word in told
    assert "going on from iter_90.pth, the newest whole checkpoint" in told


def test_where_all_are_broken_the_start_is_told(folder, capsys):
    for path in folder.glob("*.pth"):
        path.write_bytes(b"no zip")
    assert newest_checkpoint(folder) is None
    assert "starting from the beginning" in capsys.readouterr().out


def test_a_new_folder_is_silent(tmp_path, capsys):
    assert newest_checkpoint(tmp_path) is None
    assert newest_checkpoint(tmp_path / "none") is None
    assert not capsys.readouterr().out


def test_checkpoints_in_a_folder_or_store_of_their_own(folder, tmp_path):
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    write_last(work_dir, "/gone/iter_90.pth")
    assert newest_checkpoint(work_dir, folder) == str(folder / "iter_90.pth")
    write_last(work_dir, "s3://runs/iter_90.pth")
    assert newest_checkpoint(work_dir) == "s3://runs/iter_90.pth"
