"""The whole demo, as `make demo` runs it after the installation."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tools.bookkeeping.rows import read_ledger

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("bbox", "segm", "keypoints")
AP_TOLERANCE = 0.3  # points: another CPU or torch ranks people of almost equal scores otherwise


def stated_turns():
    """Turn to box, mask and pose AP in percent and the number of annotated people, as stated."""
    (row,) = (row for row in read_ledger() if row.id == "loop_crowds")
    return {
        f"turn {turn}": [
            *(100 * row.values[f"loop/turn{turn}/{kind}_AP"] for kind in KINDS),
            row.values["loop/bbox_true"],
        ]
        for turn in (1, 2)
    }


def printed_turns(output):
    """The same of the first table that the demo prints, whose APs have their intervals behind."""
    cell = r" +([\d.]+)(?: \[[\d., ]+\])?"
    lines = re.findall(rf"^ *(turn \d+){cell * 6}$", output, re.MULTILINE)
    numbers = {turn: [float(cell) for cell in cells] for turn, *cells in lines[:2]}
    return {turn: row[:3] + row[5:] for turn, row in numbers.items()}


def is_blank(path):
    """Whether a frame of an image has one colour."""
    with Image.open(path) as image:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
    return any(frame.std((0, 1)).max() < 5 for frame in frames)


@pytest.mark.slow
def test_the_demo_prints_the_stated_numbers_and_draws_what_it_names(tmp_path):
    """2.5 minutes on two idle cores."""
    command = [sys.executable, str(ROOT / "demos" / "demo.py"), "--out", str(tmp_path)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]

    stated, printed = stated_turns(), printed_turns(done.stdout)
    assert list(printed) == list(stated) == ["turn 1", "turn 2"]
    for turn, numbers in stated.items():
        assert printed[turn][:3] == pytest.approx(numbers[:3], abs=AP_TOLERANCE)
        assert printed[turn][3] == numbers[3]

    (num_photos,) = re.findall(r"^People in (\d+) photos:", done.stdout, re.MULTILINE)
    _, listed = done.stdout.split("\nPictures ")
    pictures = [Path(line) for line in re.findall(r"^  (/.*)$", listed, re.MULTILINE)]
    assert len(pictures) == 3 * int(num_photos) >= 36
    assert [path.name for path in pictures if not path.is_file() or is_blank(path)] == []
    (numbers,) = re.findall(r"^Numbers: (.*)$", listed, re.MULTILINE)
    assert all(Path(path).is_file() for path in numbers.split(", "))
