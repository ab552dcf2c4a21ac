"""The sweep as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = "configs/demo/bmp_demo.py"


def run_tool(*arguments):
    command = [sys.executable, "tools/sweep_scores.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_a_threshold_that_is_no_score_is_one_line(tmp_path):
    done = run_tool(CONFIG, "--score-thr", "1.5", "--out", str(tmp_path))
    assert done.returncode == 1
    assert "thresholds must be scores in [0, 1), got [1.5]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_sweep_writes_a_table_plots_and_numbers(tmp_path):
    if not (ROOT / "datasets/synthcrowd/val/annotations.json").exists():
        pytest.skip("needs datasets/synthcrowd/val: python tools/datasets/synthcrowd.py")
    arguments = ["--score-thr", "0.2", "--score-factors", "bbox_scores", "--max-images", "3"]
    out, cache = tmp_path / "out", tmp_path / "cache"
    arguments += ["--out", str(out), "--cfg-options", f"model.cache.folder={cache}"]
    done = run_tool(CONFIG, *arguments)
    assert done.returncode == 0, done.stderr
    content = json.loads((out / "sweep.json").read_text())
    assert [row["name"] for row in content["score_thr"]] == ["0.2", "0.3"]
    assert [row["is_reference"] for row in content["score_thr"]] == [False, True]
    names = ["bbox_scores", "bbox_scores × keypoint_scores"]
    assert [row["name"] for row in content["score_factors"]] == names
    assert content["calls"]["computed"]["images embedded"] == content["num_images"] == 3
    assert content["calls"]["asked"]["images embedded"] == 6
    assert {path.name for path in out.iterdir()} == {
        *("sweep.json", "score_thr.svg", "score_factors.svg")
    }
    assert "| score_thr | box AP |" in done.stdout
    # the second time everything is known
    assert content["disk"]["computed"]["detect"] > 0
    assert run_tool(CONFIG, *arguments).returncode == 0
    again = json.loads((out / "sweep.json").read_text())
    assert set(again.pop("disk")["computed"].values()) <= {0}
    content.pop("disk")
    assert again == content


@pytest.mark.slow
def test_the_configs_own_threshold_may_be_zero(tmp_path):
    if not (ROOT / "datasets/synthcrowd/val/annotations.json").exists():
        pytest.skip("needs datasets/synthcrowd/val: python tools/datasets/synthcrowd.py")
    arguments = ["--score-thr", "0.5", "--max-images", "1", "--out", str(tmp_path)]
    arguments += ["--cfg-options", "model.cache=None", "model.detector.score_thr=0.0"]
    done = run_tool(CONFIG, *arguments)
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "sweep.json").read_text())
    names = [(row["name"], row["is_reference"]) for row in content["score_thr"]]
    assert names == [("0", True), ("0.5", False)]
