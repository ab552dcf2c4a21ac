"""Tables and plots of fake runs, and the check that a base repeats itself."""

import csv
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from mmpose.ablation.curves import read_scalars
from mmpose.ablation.plots import Point, draw_curves, draw_knob
from mmpose.ablation.repeat import Mismatch, describe, mismatches
from mmpose.ablation.table import Cell, Row, Table
from mmpose.ablation.table_text import to_latex, to_markdown

SEEDS = (
    'changes = {"two": {"model.value": 2}}\nseeds = [0, 1, 2]\noptions = {"model.spread": 1.0}\n'
)


def table_file(project, name, study="study"):
    return (project.ablations(study) / name).read_text()


def test_the_table_has_means_and_deviations_over_seeds(project):
    # a run gives value + seed: means 1.5 and 3, deviation 1
    assert project.run(project.write(SEEDS + 'show = ["fake/value"]')) == 0
    page = table_file(project, "table.md")
    assert "| base | 3 | 3 | 1.5000 ± 1.0000 |" in page
    assert "| two | 3 | 3 | 3.0000 ± 1.0000 (+1.5000 [+1.5000, +1.5000], P 1.00) |" in page
    assert "2.50 M |" in page
    assert "- two: `model.value=2`" in page
    with (project.ablations() / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["change"] for row in rows] == ["base", "two"]
    assert float(rows[1]["fake/value difference"]) == 1.5
    assert rows[1]["fake/value verdict"] == "higher"
    assert float(rows[1]["seconds"]) >= 0
    assert rows[0]["num_parameters"] == "2500000"
    latex = table_file(project, "table.tex")
    assert r"two & 3 & 3 & 3.0000 $\pm$ 1.0000" in latex
    assert r"\toprule" in latex


def test_another_number_needs_no_new_run(project):
    path = project.write(SEEDS + 'show = ["fake/value"]')
    project.run(path)
    count = len(project.calls())
    path = project.write(SEEDS + 'show = ["fake/num_*"]')
    assert project.run(path, "--table") == 0
    assert "fake/num_*" in table_file(project, "table.md")
    assert len(project.calls()) == count


def test_a_number_that_no_run_gives_is_told_with_near_ones(project):
    path = project.write(SEEDS + 'show = ["fake/valeu"]')
    with pytest.raises(ValueError, match="which no run gives; near it: fake/value"):
        project.run(path)


def test_rows_of_another_base_are_named_and_not_mixed_in(project):
    path = project.write('changes = {"two": {"model.value": 2}}\nshow = ["fake/value"]')
    project.run(path)
    old = {link.name for link in project.ablations().glob("*-0-*")}
    base = project.folder / "configs" / "fake.py"
    project.write_base(base.read_text().replace("lr=0.1)", "lr=0.3)", 1))
    assert project.run(path, "--table") == 0
    page = table_file(project, "table.md")
    # nothing of the new base is done
    assert "| base | - | 0, 1 new | - |" in page
    named = page.split("Not shown, of another base")[1]
    assert all(name in named for name in old)
    project.run(path)
    assert "| two | 3 | 1 | 2.0000 (+1.5000) ? |" in table_file(project, "table.md")
    assert len(project.calls()) == 4


def test_a_report_beside_a_run_is_linked(project):
    path = project.write('changes = {"two": {"model.value": 2}}\nshow = ["fake/value"]')
    project.run(path)
    folder = next(project.ablations().glob("two-0-*"))
    (folder / "1-test" / "report.html").write_text("<p>")
    project.run(path, "--table")
    assert "1-test/report.html) |" in table_file(project, "table.md")


def test_a_knob_of_numbers_is_plotted_with_the_base(project):
    path = project.write(
        'changes = {"two": {"model.value": 2}, "three": {"model.value": 3}}\n'
        'show = ["fake/value"]\n'
    )
    project.run(path)
    root = ElementTree.fromstring(table_file(project, "fake_value-over-model_value.svg"))
    titles = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == [
        "0.5: 0.50 [0.50, 0.50]",
        "2: 2.00 [2.00, 2.00]",
        "3: 3.00 [3.00, 3.00]",
    ]


def test_the_base_stands_at_its_own_value_of_a_knob(project):
    # half = 0.25 sets model.value = 0.5
    project.run(
        project.write('changes = {"a": {"half": 1.0}, "b": {"half": 2.0}}\nshow = ["fake/value"]\n')
    )
    root = ElementTree.fromstring(table_file(project, "fake_value-over-half.svg"))
    titles = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == [
        "0.25: 0.50 [0.50, 0.50]",
        "1: 2.00 [2.00, 2.00]",
        "2: 4.00 [4.00, 4.00]",
    ]


def made_table(values, *, column="PCK", reports=()):
    rows = [
        Row(name, {}, {"done": 1}, 3, {column: Cell(value, None, None, column)}, reports=reports)
        for name, value in values.items()
    ]
    return Table("study", "base.py (0)", [column], rows, {}, {})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"base": 0.875, "a": 0.5}, ["87.50", "50.00"], id="shares"),
        pytest.param({"base": 87.5, "a": 0.5}, ["87.50", "0.50"], id="MPII's are in percent"),
    ],
)
def test_shares_are_told_in_percent_once(values, expected):
    lines = [line for line in to_markdown(made_table(values)).splitlines() if line[:2] == "| "]
    assert "PCK %" in lines[0]
    assert [line.split(" | ")[3] for line in lines[2:]] == expected


def test_latex_has_no_links_and_escapes_what_it_must():
    page = made_table({"base": 0.5, "a_b": 0.25}, column="x^2~y", reports=[Path("a/b.html")])
    assert "[b](a/b.html)" in to_markdown(page)
    text = to_latex(page)
    assert r"x\textasciicircum 2\textasciitilde y" in text
    assert r"a\_b & 3 & 1 & 0.2500 & - & - & - \\" in text
    assert "b.html" not in text
    assert r"\begin{tabular}{lrrrrrr}" in text


def test_bars_of_a_plot_reach_from_low_to_high():
    svg = draw_knob([Point(0, 0.2, 0.1, 0.4), Point(1, 0.3, 0.3, 0.3)], "alpha", "coco/AP")
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    circles = [float(node.get("cy")) for node in root.iter(f"{space}circle")]
    bars = [
        (float(node.get("y1")), float(node.get("y2")))
        for node in root.iter(f"{space}line")
        if node.get("stroke") != "#dddddd"
    ]
    # downwards in pixels; 20 % stands a third of the way from 10 % to 40 %
    low, high = bars[0]
    assert (low - circles[0]) / (low - high) == pytest.approx(1 / 3, abs=0.01)
    assert bars[1] == (circles[1], circles[1])


def test_learning_curves_of_all_runs_are_drawn(project):
    path = project.write('task = "train"\nchanges = {"two": {"model.value": 2}}\nseeds = [0, 1]')
    assert project.run(path) == 0
    root = ElementTree.fromstring(table_file(project, "curve-loss.svg"))
    lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(lines) == 4
    assert all(len(line.get("points").split()) == 4 for line in lines)
    # two rows, two colours
    assert len({line.get("stroke") for line in lines}) == 2


def test_curves_of_nothing_are_an_empty_plot():
    root = ElementTree.fromstring(draw_curves({("base", 0): ([], [])}, "loss"))
    (line,) = root.iter("{http://www.w3.org/2000/svg}polyline")
    assert line.get("points") == ""


def test_curves_of_a_continued_training_join(tmp_path):
    for start, lines in {
        "1": ['{"loss": 3, "step": 1}', '{"loss": 2, "step": 2}', '{"loss": 1, "st'],
        "2": ['{"loss": 1.5, "step": 2, "lr": 0.1}', '{"loss": 1, "step": 3}'],
    }.items():
        folder = tmp_path / start / "vis_data"
        folder.mkdir(parents=True)
        (folder / "scalars.json").write_text("\n".join(lines))
    assert read_scalars(tmp_path) == {"loss": ([1, 2, 3], [3.0, 1.5, 1.0]), "lr": ([2], [0.1])}


def test_a_base_that_repeats_itself_passes_the_check(project, capsys):
    path = project.write('task = "train"\nchanges = {"two": {"model.value": 2}}')
    exported = project.folder / "losses.json"
    assert project.run(path, "--check", "base", "--steps", "3", "--export", str(exported)) == 0
    assert "all 3 numbers are equal to the last bit" in capsys.readouterr().out
    assert [call["task"] for call in project.calls()] == ["train", "train"]
    losses = json.loads(exported.read_text())["numbers"]
    assert losses == {"1-train/loss": [0.5, 0.25, 0.5 / 3]}
    # a later commit is compared with what was exported
    assert project.run(path, "--check", "base", "--steps", "3", "--against", str(exported)) == 0
    project.write_base((project.folder / "configs/fake.py").read_text().replace("0.25", "0.26"))
    assert project.run(path, "--check", "base", "--steps", "3", "--against", str(exported)) == 1
    assert "3 of 3 numbers differ, relative difference up to 4.0e-02" in capsys.readouterr().out


def test_a_check_asks_no_cache(project):
    text = (project.folder / "configs/fake.py").read_text()
    project.write_base(text + 'model.update(cache=dict(folder="kept"))\n')
    # a tool that is given a cache fails
    tool = project.tools / "test.py"
    tool.write_text(tool.read_text().replace("calls = ", "assert 'cache' not in model\ncalls = "))
    assert project.run(project.write('changes = {"a": {"half": 1.0}}'), "--check", "base") == 0
    assert len(project.calls()) == 2


def test_a_noisy_base_does_not_pass(project, capsys):
    path = project.write(
        'task = "train"\noptions = {"model.spread": 1.0}\nchanges = {"two": {"model.value": 2}}'
    )
    assert project.run(path, "--check", "base") == 1
    assert "5 of 5 numbers differ" in capsys.readouterr().out


def test_a_base_without_numbers_proves_nothing(project):
    tool = project.tools / "train.py"
    tool.write_text(tool.read_text().replace('"loss": model', '"time": model'))
    path = project.write('task = "train"\nchanges = {"two": {"model.value": 2}}')
    with pytest.raises(ValueError, match="gives no numbers to compare"):
        project.run(path, "--check", "base")


@pytest.mark.parametrize("content", ["[]", '{"numbers": [1]}', '{"numbers": {"a": 1}}'])
def test_an_export_of_something_else_is_told_before_the_work(project, content):
    (project.folder / "before.json").write_text(content)
    path = project.write('changes = {"two": {"model.value": 2}}')
    with pytest.raises(ValueError, match=r"before\.json holds no exported numbers"):
        project.run(path, "--check", "base", "--against", "before.json")
    assert project.calls() == []


def test_numbers_that_are_missing_differ_and_nan_equals_nan():
    nan = float("nan")
    found = mismatches({"a": [1.0, 2.0], "b": [nan]}, {"a": [1.0], "b": [nan], "c": [3.0]})
    assert found == [Mismatch("a", 1, 2.0, None), Mismatch("c", 0, None, 3.0)]
    assert describe(found, 4).startswith("2 of 4 numbers differ:")
