"""The demos under their published names, as a user runs them."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / "demos/photos/000000001000.jpg"


def run_demo(name, *arguments, **environment):
    command = [sys.executable, str(ROOT / "demos" / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment or None)


def test_boxes_that_are_none_are_one_line(tmp_path):
    done = run_demo("PMPose_demo.py", "--bboxes", "1,2,3", "--output", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "bmp: --bboxes must be 'x1,y1,x2,y2;...' in pixels, got '1,2,3'\n"


@pytest.mark.slow
def test_poses_of_given_boxes(tmp_path):
    boxes = "266,105,420,441; 403,188,528,480"
    arguments = ["--variant", "PMPose-demo", "--bboxes", boxes, "--device", "cpu"]
    done = run_demo("PMPose_demo.py", "--image", PHOTO, "--output", tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "000000001000"
    numbers = json.loads((out / "000000001000_keypoints.json").read_text())
    assert numbers["bboxes"] == [[266, 105, 420, 441], [403, 188, 528, 480]]
    assert [len(numbers[name]) for name in ("keypoints", "presence", "visibility")] == [2, 2, 2]
    assert cv2.imread(str(out / "000000001000_pmpose.jpg")).shape == (480, 640, 3)


@pytest.mark.slow
def test_the_loop_draws_poses_masks_and_turns(tmp_path):
    arguments = ["--image", PHOTO, "--output", tmp_path, "--config", "bmp_demo", "--device", "cpu"]
    done = run_demo("BMP_demo.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert "11 people" in done.stdout  # as README says of this image
    names = {path.name.removeprefix("000000001000_") for path in tmp_path.glob("*/*")}
    assert names == {"bmp_pose.jpg", "bmp_mask.jpg", "bmp.jpg", "turns.jpg"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "weights"),
    [
        ("PMPose_demo.py", [], "PMPose-b-1.0.0.pth"),
        ("BMP_demo.py", ["--config", "BMP_D3"], "rtmdet-ins-l-mask.pth"),
    ],
)
def test_without_weights_and_network_file_address_and_folder_are_named(
    tmp_path, monkeypatch, name, arguments, weights
):
    monkeypatch.setenv("BMP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    done = run_demo(name, "--device", "cpu", "--output", tmp_path / "out", *arguments)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("bmp: could not download https://huggingface.co/vrg-prague/")
    assert f"the file {weights!r} into {tmp_path / 'models'}" in last


@pytest.mark.parametrize("name", ["BMP_demo.py", "PMPose_demo.py"])
def test_a_folder_that_cannot_be_written_names_the_option(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    done = run_demo(name, "--output", tmp_path / "file")
    assert done.returncode == 1
    assert done.stderr.endswith("(Not a directory); choose another folder with --output\n")
