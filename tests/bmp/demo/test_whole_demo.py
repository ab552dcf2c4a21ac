"""The whole demo, as `make demo` runs it after the installation."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.test_docs import rows, section

ROOT = Path(__file__).resolve().parents[3]
AP_TOLERANCE = 0.3  # points: another CPU or torch ranks people of almost equal scores otherwise


def stated_turns():
    """Turn to box, mask and pose AP and the number of annotated people, of docs/results.md."""
    cells = rows(section((ROOT / "docs" / "results.md").read_text(encoding="utf-8"), "The loop"))
    return {
        row[1]: [float(cell) for cell in row[2:5] + row[7:]] for row in cells if row[0] == "crowds"
    }


def printed_turns(output):
    """The same of the table that the demo prints."""
    lines = re.findall(r"^ *(turn \d+)((?: +[\d.]+){6})$", output, re.MULTILINE)
    numbers = {turn: [float(cell) for cell in line.split()] for turn, line in lines}
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
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (mask_ap,) = re.findall(r"reach ([\d.]+) mask AP on rendered crowds", readme)
    assert printed["turn 2"][1] == pytest.approx(float(mask_ap), abs=AP_TOLERANCE)

    (num_photos,) = re.findall(r"^People in (\d+) photos:", done.stdout, re.MULTILINE)
    _, listed = done.stdout.split("\nPictures ")
    pictures = [Path(line) for line in re.findall(r"^  (/.*)$", listed, re.MULTILINE)]
    assert len(pictures) == 3 * int(num_photos) >= 36
    assert [path.name for path in pictures if not path.is_file() or is_blank(path)] == []
    (numbers,) = re.findall(r"^Numbers: (.*)$", listed, re.MULTILINE)
    assert all(Path(path).is_file() for path in numbers.split(", "))
