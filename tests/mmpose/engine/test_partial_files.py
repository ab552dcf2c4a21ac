"""What a killed training left half written."""

import os
import subprocess
import sys

import pytest

from mmpose.engine.partial_files import LOCK, remove_partial_files
from mmpose.files import lock_folder, whole_file

LOCK_AND_WAIT = """
import sys
from mmpose.files import lock_folder
lock = lock_folder(sys.argv[1], ".training.lock")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    """One partial checkpoint, and files that only look like it."""
    with whole_file(tmp_path / "iter_2.pth") as partial:
        partial.write_bytes(b"half")
        os.link(partial, tmp_path / ".iter_4.pth.0123abcd.part")
    for name in (".scores.json.0123abcd.part", "iter_6.pth.0123abcd.part", ".iter_8.pth.part"):
        (tmp_path / name).touch()
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".training.lock")


def test_only_partial_checkpoints_are_removed(folder):
    lock = remove_partial_files(folder)
    kept = [".iter_8.pth.part", ".scores.json.0123abcd.part", "iter_2.pth"]
    assert names(folder) == [*kept, "iter_6.pth.0123abcd.part"]
    lock.close()


def test_those_of_a_living_training_stay(folder):
    command = [sys.executable, "-c", LOCK_AND_WAIT, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == b"locked\n"
        assert remove_partial_files(folder) is None
        assert ".iter_4.pth.0123abcd.part" in names(folder)
        other.kill()
    lock = lock_folder(folder, LOCK)  # a dead process holds nothing
    assert lock is not None
    lock.close()
