"""The command: one set, a contact sheet, a message in place of a traceback."""

import subprocess
import sys
from pathlib import Path

import cv2

TOOL = Path(__file__).parents[3] / "tools" / "datasets" / "synthcrowd.py"


def run(*args):
    command = [sys.executable, str(TOOL), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_writes_one_set_and_does_nothing_the_second_time(tmp_path):
    args = ("--out", tmp_path / "set", "--num-images", 2, "--width", 96, "--height", 96)
    first, second = run(*args), run(*args)
    assert first.returncode == second.returncode == 0, first.stderr
    assert (tmp_path / "set" / "annotations.json").is_file()
    assert "image/s" not in second.stderr


def test_writes_a_contact_sheet(tmp_path):
    path = tmp_path / "sheet.png"
    assert run("--contact-sheet", path, "--width", 96, "--height", 80).returncode == 0
    assert cv2.imread(str(path)).shape == (320, 384, 3)


def test_refusal_is_a_sentence(tmp_path):
    result = run("--out", tmp_path / "set", "--crowding", 3)
    assert result.returncode == 1
    assert result.stderr.strip() == "synthcrowd: crowding must lie in [0, 1] or be None, got 3.0"
