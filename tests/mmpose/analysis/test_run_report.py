"""The page of a training from its folder."""

import html
import re

import pytest

from mmpose.analysis.report_page import render
from mmpose.analysis.run_history import (
    best_of,
    changes_between,
    environment_of,
    lost_values,
    sheets_of,
    warnings_of,
)
from mmpose.analysis.run_report import make_run_report
from mmpose.engine.run_logs import Start, join, read_starts
from tests.mmpose.analysis.small_run import FIRST, SECOND, entry, write_run, write_start

NAN = float("nan")


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run")


def section(report, title):
    return next(one for one in report.sections if one.title == title)


def rows(report, title, table):
    found = next(one for one in section(report, title).tables if one.title == table)
    return list(found.rows)


def test_the_facts_say_how_far_it_came(run):
    facts = make_run_report(run).facts
    assert facts["State"] == "step 40 of 40; finished 2026-01-02 01:00:00 UTC"
    assert facts["Config"] == "configs/a.py"
    assert facts["Started"] == "2026-01-01 00:00:00"
    assert facts["Resumed"].startswith("1 times")


def test_the_best_stands_beside_the_last(run):
    found = {row["metric"]: row for row in rows(make_run_report(run), "Metrics", "Validations")}
    assert found["COCO/AP"] == {"metric": "COCO/AP", "last": 0.4, "best": 0.5, "at step": 20}
    assert found["pixel_error"]["best"] == 6.0
    assert found["COCO/AP (L)"]["last"] is found["COCO/AP (L)"]["best"] is None
    assert "COCO/AP_low" not in found


def test_all_curves_are_drawn(run):
    titles = [plot.title for plot in section(make_run_report(run), "Curves").plots]
    assert titles == [
        *("Loss", "COCO/AP", "pixel_error", "Learning rates", "People per second"),
        "Share of time waiting for data",
    ]


def test_the_config_is_compared_with_its_base_and_between_starts(run):
    report = make_run_report(run)
    title = "Config against its base"
    changed = {"place": "train_cfg.max_iters", "base": "100", "run": "40"}
    assert rows(report, title, "Changed") == [changed]
    assert rows(report, title, "Added") == [{"place": "model.depth", "run": "<b>3</b>"}]
    assert changes_between(read_starts(run)) == [
        {"from step": 20, "place": "train_cfg.val_interval", "before": "20", "after": "40"}
    ]


def test_the_machine_is_told_and_another_one_after_a_resume(run):
    first, second = read_starts(run)
    machine = {**second.record["machine"], "host": "elsewhere", "devices": ["a GPU", "a GPU"]}
    second.record["machine"].update(machine)
    found = environment_of(first)
    assert found["Git revision"] == "abc1234, with changes that are not committed"
    assert (found["Seed"], found["GPUs"], found["torch"]) == ("7", "none", "2.9.0")
    assert environment_of(second)["GPUs"] == "a GPU, a GPU"


def test_without_a_record_the_log_tells_the_machine(tmp_path):
    folder = tmp_path / "1"
    folder.mkdir()
    (folder / "1.log").write_text(
        "System environment:\n    sys.platform: linux\n    Python: 3.11\n    GCC: gcc\n"
        "    GPU 0,1: Some GPU\nRuntime environment:\n    seed: 5\n    cudnn_benchmark: False\n"
    )
    expected = {"sys.platform": "linux", "Python": "3.11", "GPU 0,1": "Some GPU", "seed": "5"}
    assert environment_of(Start("1", folder)) == expected
    assert environment_of(Start("2", folder)) == {}


def test_warnings_and_lost_values_are_listed(run):
    starts = read_starts(run)
    assert warnings_of(starts) == [{"warning": "warning: a <script> is no warning", "times": 2}]
    assert lost_values(join(starts)) == [
        {"scalar": "train/loss", "first at step": 30, "times": 1, "of entries": 4}
    ]


def test_sheets_of_steps_that_were_trained_again_are_left_out(run):
    sheets = sheets_of(read_starts(run))
    assert {name: list(by_step) for name, by_step in sheets.items()} == {
        "fixed": [20, 40],
        "worst_oks": [20, 40],
    }
    assert FIRST in str(sheets["fixed"][20])
    assert SECOND in str(sheets["fixed"][40])
    pictures = {
        one.title: list(one.views) for one in section(make_run_report(run), "Samples").pictures
    }
    assert pictures == {"fixed": ["Step 20", "Step 40"], "worst oks": ["Step 40"]}


def test_a_sheet_that_cannot_be_read_is_told(run):
    path = sheets_of(read_starts(run))["worst_oks"][40]
    path.write_bytes(b"no image")
    pictures = {one.title: one for one in section(make_run_report(run), "Samples").pictures}
    assert "cannot be shown" in pictures["worst oks"].problem
    assert not pictures["worst oks"].views


def test_the_page_escapes_what_logs_and_configs_say(run):
    page = render(make_run_report(run))
    assert "<script" not in page
    assert html.escape("a <script> is no warning") in page
    assert "&lt;b&gt;3&lt;/b&gt;" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_a_run_of_a_few_losses_has_a_page(tmp_path):
    write_start(tmp_path, "1", [entry(1, loss=2.0, loss_kpt=1.0, loss_oks=1.0, time=0.5)], 0)
    for name in ("run.json", "config.py"):
        (tmp_path / "1" / "vis_data" / name).unlink()
    report = make_run_report(tmp_path)
    assert "No validation" in section(report, "Metrics").text
    titles = [plot.title for plot in section(report, "Curves").plots]
    assert titles == ["Loss", "Parts of the loss", "Seconds per step"]
    assert "not recorded" in section(report, "Config against its base").text
    assert report.facts["State"] == "step 1"
    assert "<h1>Training" in render(report)


def test_an_older_training_in_the_folder_is_named(run):
    write_start(run, "20260103_000000", [entry(5, loss=1.0)], 0)
    report = make_run_report(run)
    assert "2 older starts" in section(report, "Starts and warnings").text
    assert report.facts["State"] == "step 5 of 40; goes on, or broke off"


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("COCO/AP", [0.1, 0.5, NAN], (2, 0.5)),
        ("pixel_error", [3.0, 2.0, 4.0], (2, 2.0)),
        ("COCO/AP (L)", [-1.0, -1.0, -1.0], None),
        ("loss", [-3.0, -4.0, 0.0], (2, -4.0)),
        ("seconds", [1.0, 2.0, 3.0], None),
    ],
)
def test_the_better_end_is_known_by_name(name, values, best):
    assert best_of(name, ([1, 2, 3], values)) == best
