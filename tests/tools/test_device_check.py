"""The check of a GPU machine: its scripts, and that no part takes the others down."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tools import device_check, needed_wheels
from tools.device_check import Part, parts_of, run_part, with_numbers

ROOT = Path(__file__).parents[2]


def bash(*arguments, **environment):
    return subprocess.run(
        ["bash", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, **environment},
    )


@pytest.mark.parametrize("script", ["device_check.sh", "pack_wheels.sh"])
def test_bash_understands_the_script(script):
    assert bash("-n", f"tools/{script}").returncode == 0


def test_a_dry_run_names_the_parts():
    done = bash("tools/device_check.sh", "--dry-run")
    assert done.returncode == 0, done.stderr
    names = [line.split(" (")[0] for line in done.stdout.splitlines() if " s): " in line]
    assert names[:6] == ["facts", "imports", "tests", "step", "training", "loop_cpu"]


def test_a_missing_interpreter_is_told():
    done = bash("tools/device_check.sh", PYTHON="/nowhere/python3")
    assert done.returncode == 1
    assert "no /nowhere/python3; name one with torch" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--small"], "unknown argument --small; known are --bare"),
        (["--python", "311"], "--python takes 3.11, 3.12 or 3.13, got 311"),
    ],
)
def test_wrong_arguments_of_the_packer_are_refused(arguments, message):
    done = bash("tools/pack_wheels.sh", *arguments)
    assert done.returncode == 1
    assert message in done.stderr


def test_an_unknown_part_is_refused(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["device_check.py", "--dry-run", "--only", "stepp"])
    with pytest.raises(SystemExit):
        device_check.main()
    assert "['stepp']: the parts are facts, imports" in capsys.readouterr().err


def test_a_gpu_is_asked_for_eight_minutes_at_most():
    """Every part has a time of its own; all together stop before the eighth minute."""
    parts = parts_of(Path("out"), small=False, has_gpu=True)
    assert all(0 < part.seconds < device_check.TOTAL for part in parts)
    assert device_check.TOTAL < 8 * 60
    assert "loop_gpu" in {part.name for part in parts}


PROGRAMS = {
    "good": "print('seen')",
    "bad": "print('before'); raise ValueError('broken')",
    "slow": "print('begun', flush=True); import time; time.sleep(60)",
    "last": "print('still here')",
}


def test_each_part_survives_the_others(tmp_path, monkeypatch, capsys):
    parts = [Part(name, [sys.executable, "-c", text], 5.0) for name, text in PROGRAMS.items()]
    parts[2] = Part("slow", parts[2].command, 1.0)
    parts.insert(3, Part("absent", ["/nowhere/program"], 5.0))
    monkeypatch.setattr(device_check, "parts_of", lambda out, **settings: parts)
    monkeypatch.setattr(device_check, "has_gpu", lambda: False)
    arguments = ["--out", str(tmp_path), "--wheels", str(tmp_path / "none")]
    monkeypatch.setattr(sys, "argv", ["device_check.py", *arguments])
    monkeypatch.setattr(device_check.signal, "signal", lambda *_: None)
    monkeypatch.setenv("PYTHONPATH", "")  # and put back
    assert device_check.main() == 1
    report = json.loads((tmp_path / "device_check.json").read_text())
    seen = {part["name"]: part["status"] for part in report["parts"]}
    expected = {"good": "ok", "bad": "failed", "slow": "timed out", "absent": "failed"}
    assert seen == {**expected, "last": "ok"}
    told = {part["name"]: part["told"] for part in report["parts"]}
    assert "ValueError: broken" in told["bad"]
    assert told["slow"].strip() == "begun"
    log = (tmp_path / "device_check.log").read_text()
    assert all(word in log for word in ("seen", "broken", "begun", "still here"))
    assert "not ok: bad, slow, absent" in capsys.readouterr().out


def test_what_has_no_time_left_is_not_started(tmp_path):
    part = Part("late", [sys.executable, "-c", "print(1)"], 60.0)
    result = run_part(part, tmp_path / "log", left=1.0)
    assert result["status"] == "no time"


def test_processes_that_a_part_leaves_are_ended(tmp_path):
    child = [sys.executable, "-c", "input()"]
    parent = f"import subprocess; print(subprocess.Popen({child}, stdin=subprocess.PIPE).pid)"
    keep = "import os; os.read(os.pipe()[0], 1)"  # for ever
    part = Part("parent", [sys.executable, "-c", f"{parent}; print(flush=True); {keep}"], 2.0)
    result = run_part(part, tmp_path / "log", left=60.0)
    assert result["status"] == "timed out"
    try:
        child = os.pidfd_open(int(result["told"].split()[0]))
    except ProcessLookupError:
        return
    assert select.select([child], [], [], 30)[0]  # readable when the process has ended


def test_the_numbers_of_a_part_are_its_file(tmp_path):
    (tmp_path / "step.json").write_text('{"batch": 2}')
    (tmp_path / "training.json").write_text('{"batch":')
    numbers = [
        with_numbers({"name": name, "told": told}, tmp_path)["numbers"]
        for name, told in [("step", ""), ("training", ""), ("tests", "3 passed"), ("facts", "[1]")]
    ]
    assert numbers[0] == {"batch": 2}
    assert "unreadable" in numbers[1]
    assert numbers[2:] == [None, [1]]


def test_wheels_are_those_that_torch_does_not_bring():
    lines = needed_wheels.needed()
    names = {line.split("==")[0] for line in lines}
    assert {"mmengine", "mmdet", "sam2", "opencv-python-headless", "pytest"} <= names
    assert not names & {"torch", "torchvision", "numpy", "pillow", "opencv-python", "tensorboard"}
    there = needed_wheels.needed(["OpenCV-Python_Headless", "scipy"])
    assert {line.split("==")[0] for line in lines} - {line.split("==")[0] for line in there} >= {
        "opencv-python-headless",
        "scipy",
    }


def test_versions_are_those_that_are_installed_here():
    from importlib.metadata import version

    assert f"mmengine=={version('mmengine')}" in needed_wheels.needed()


@pytest.mark.slow
def test_the_training_starts_from_the_weights_that_it_made(tmp_path):
    """Without them the loss of 30 steps would not fall below that of the first ones."""
    out = tmp_path / "training.json"
    sizes = ["--seconds", "1", "--batch", "4", "--images", "6", "--val-images", "2"]
    places = ["--out", str(out), "--work-dir", str(tmp_path / "work")]
    done = subprocess.run(
        [sys.executable, "tools/device_training.py", *places, *sizes],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    numbers = json.loads(out.read_text())
    assert numbers["steps"] >= 30
    assert numbers["loss"][1] < numbers["loss"][0]
