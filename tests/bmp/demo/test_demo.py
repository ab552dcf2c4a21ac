"""The demo: its parts that need no trained weights, its refusals, its photos."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bmp.cli import main
from bmp.demo import demo
from bmp.demo.demo import print_summary, render_crowds, run_demo
from bmp.demo.progress import Clock, ProgressHook, remaining
from bmp.demo.short_training import CONFIG, read_losses
from bmp.prediction.images import PhotoReport
from bmp.prediction.inputs import find_inputs
from mmpose.engine.config import load_config

ROOT = Path(__file__).resolve().parents[3]
PHOTOS = ROOT / "demos" / "photos"


def test_every_photo_is_small_and_attributed():
    photos, _ = find_inputs([PHOTOS])
    table = (PHOTOS / "README.md").read_text()
    assert len(photos) == 12
    for photo in photos:
        assert photo.stat().st_size < 1_000_000
        (row,) = [line for line in table.splitlines() if f"`{photo.name}`" in line]
        assert "https://www.flickr.com/photo.gne?id=" in row
        assert "http://creativecommons.org/licenses/by/2.0/" in row
    assert sum(photo.stat().st_size for photo in photos) < 3_000_000


def test_the_script_runs_from_any_folder(tmp_path):
    script = ROOT / "demos" / "demo.py"
    command = [sys.executable, str(script), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "--num-images" in done.stdout


def test_crowds_are_rendered_once(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "DATA_FOLDER", tmp_path)
    folder = render_crowds(2)
    annotations = folder / "annotations.json"
    written = annotations.stat().st_mtime_ns
    assert len(json.loads(annotations.read_text())["images"]) == 2
    assert render_crowds(2) == folder
    assert annotations.stat().st_mtime_ns == written


@pytest.mark.parametrize("numbers", [{"num_images": 0}, {"train_steps": -1}])
def test_impossible_numbers_are_refused(tmp_path, numbers):
    with pytest.raises(ValueError, match="at least 1 image"):
        run_demo(tmp_path, **numbers)


def test_the_weights_of_all_parts_are_shipped():
    demo.check_weights()


def test_missing_weights_are_told_before_the_work(tmp_path, monkeypatch, capsys):
    config = tmp_path / "configs" / "loop.py"
    config.parent.mkdir()
    absent = {"checkpoint": "nowhere/absent.safetensors"}
    parts = dict.fromkeys(("detector", "pose_model", "segmenter"), absent)
    config.write_text(f"model = {parts}\n")
    monkeypatch.setattr(demo, "LOOP_CONFIG", config)
    assert main(["demo", "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "absent.safetensors" in told
    assert told.count("\n") == 1


def test_the_summary_names_numbers_and_pictures(tmp_path, capsys):
    metrics = {"num_images": 5, "num_failed": 0, "bbox_true": 20}
    for turn, found in ((1, 12), (2, 15)):
        metrics |= {f"turn{turn}/num_people": found + 1, f"turn{turn}/bbox_found": found}
        for end, value in (("", 0), ("_low", -2), ("_high", 3)):
            metrics[f"turn{turn}/bbox_AP{end}"] = (found + value) / 100
    metrics |= {f"turn2/bbox_AP_gain{end}": 0.03 for end in ("", "_low", "_high")}
    pictures = [tmp_path / f"a_{n}.jpg" for n in range(3)]
    report = PhotoReport(pictures=pictures, failures=[(Path("b.jpg"), "cut off")], found=[4, 6])
    print_summary(metrics, report, ["loss 2 -> 1"], tmp_path)
    printed = capsys.readouterr().out
    for text in (
        "12.0 [10.0, 15.0]",
        "15.0",
        "+3.00",
        "4 after turn 1, 6 after turn 2",
        "b.jpg: cut off",
        "loss 2 -> 1",
    ):
        assert text in printed
    assert all(str(picture) in printed for picture in pictures)


def test_losses_are_read_from_the_last_log(tmp_path):
    for run, losses in (("20260101_1", [9.0]), ("20260101_2", [2.0, 1.0])):
        log = tmp_path / run / "vis_data" / "scalars.json"
        log.parent.mkdir(parents=True)
        entries = [{"loss": loss, "step": step} for step, loss in enumerate(losses)]
        log.write_text("\n".join(json.dumps(entry) for entry in [*entries, {"AP": 0.5}]))
    assert read_losses(tmp_path) == [2.0, 1.0]
    with pytest.raises(FileNotFoundError, match="was anything trained"):
        read_losses(tmp_path / "20260101_1")


def test_the_short_training_never_sees_its_test_images():
    config = load_config(CONFIG)
    trained = config.train_dataloader.dataset.data_root
    tested = config.test_dataloader.dataset.data_root
    assert Path(trained).name == "short_train"
    assert Path(tested).name == "short_val"


def test_progress_is_told_at_the_end_and_not_at_every_step(capsys):
    class Runner:
        max_iters = 3

    hook, runner = ProgressHook(every=1000), Runner()
    hook.before_train(runner)
    for runner.iter in range(3):
        hook.after_train_iter(runner, runner.iter, outputs={"loss": torch.tensor(0.5)})
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "step 3/3, loss 0.500" in told[0]


def test_the_clock_tells_seconds(capsys):
    clock = Clock("demo")
    clock("working")
    assert capsys.readouterr().err == "[demo    0s] working\n"
    assert clock.seconds() >= 0
    assert remaining(clock.started, 10, 10) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_told(tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert main(["demo", "--out", str(tmp_path / "out")]) == 1
    assert "permission" in capsys.readouterr().err
