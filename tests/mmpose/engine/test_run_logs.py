"""Scalars of several starts become one set of curves."""

import json
import math

import pytest

from mmpose.engine.run_logs import join, last_chain, read_starts
from tests.mmpose.analysis.small_run import entry, write_run, write_start


def write_log(folder, lines):
    folder.mkdir(parents=True)
    (folder / "scalars.json").write_text("\n".join(lines))


def test_steps_that_were_trained_again_count_once(tmp_path):
    curves = join(read_starts(write_run(tmp_path)))
    steps, losses = curves["train/loss"]
    assert steps == [10, 20, 30, 40]  # not 25, from before the step that was resumed
    assert losses[:2] == [4.0, 3.0]
    assert math.isnan(losses[2])  # a bare NaN is read
    assert losses[3] == 1.0
    assert curves["val/COCO/AP"] == ([20, 40], [0.5, 0.4])
    assert curves["best/COCO/AP"] == ([20, 40], [0.5, 0.5])


def test_warnings_of_the_log_are_kept(tmp_path):
    first, second = read_starts(write_run(tmp_path))
    assert first.warnings == ["warning: a <script> is no warning"] * 2
    assert second.warnings == []
    assert (first.first_step, second.first_step) == (0, 20)
    assert (first.last_step, second.last_step) == (25, 40)


def test_a_training_that_was_begun_anew_hides_the_older_one(tmp_path):
    write_start(tmp_path, "1", [entry(5, loss=9.0)], 0)
    write_start(tmp_path, "2", [entry(1, loss=8.0)], 0)
    write_start(tmp_path, "3", [entry(2, loss=7.0)], 1)
    chain = last_chain(read_starts(tmp_path))
    assert [start.name for start in chain] == ["2", "3"]
    assert join(chain) == {"train/loss": ([1, 2], [8.0, 7.0])}


def test_older_logs_without_groups_and_records_are_read(tmp_path):
    write_log(
        tmp_path / "1" / "vis_data",
        [
            '{"loss": 3, "iter": 50, "epoch": 1, "step": 50}',
            '{"coco/AP": 0.25, "step": 1}',  # of epoch 1
            '{"loss": 2, "iter": 100, "epoch": 2, "step": 100}',
            '{"coco/AP": 0.5, "step": 2}',
        ],
    )
    (tmp_path / "1" / "1.log").write_text("... - mmengine - INFO - resumed epoch: 0, iter: 40\n")
    # mmengine's default, by which validations are counted in epochs
    (tmp_path / "1" / "vis_data" / "config.py").write_text("logger = dict(interval=50)")
    (start,) = read_starts(tmp_path)
    assert start.first_step == 40
    expected = {"train/loss": ([50, 100], [3.0, 2.0]), "val/coco/AP": ([50, 100], [0.25, 0.5])}
    assert join([start]) == expected
    text = "logger = dict(log_metric_by_epoch=False)"
    (tmp_path / "1" / "vis_data" / "config.py").write_text(text)
    assert join(read_starts(tmp_path))["val/coco/AP"] == ([1, 2], [0.25, 0.5])


def test_what_is_no_number_is_no_curve(tmp_path):
    line = json.dumps({"train/loss": 1.0, "train/name": "a", "train/flag": True, "step": 1})
    write_log(tmp_path / "1" / "vis_data", [line, "[1, 2]", "", '{"train/loss": 2.0}'])
    assert join(read_starts(tmp_path)) == {"train/loss": ([1], [1.0])}


def test_a_folder_without_a_log_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        read_starts(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="was anything trained"):
        read_starts(tmp_path)
    write_log(tmp_path / "1" / "vis_data", [])
    with pytest.raises(FileNotFoundError, match="not a folder of several"):
        read_starts(tmp_path)
