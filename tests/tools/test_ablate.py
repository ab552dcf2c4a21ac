"""An ablation of real trainings and tests, on seven drawn people."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmpose.ablation.definition import read_ablation
from mmpose.ablation.identity import Digests, Identifier
from mmpose.ablation.plan import make_plan
from tests.mmpose.datasets.tiny_people import write_people
from tests.tools.test_train_and_test import CONFIG
from tools import ablate

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "configs" / "ablations").glob("*.py"))
ABLATION = """
base = "configs/tiny.py"
chain = ["train", "test"]
options = {"train_cfg.max_iters": 2}
changes = {"slow": {"optim_wrapper.optimizer.lr": 1e-6}, "three": {"train_cfg.max_iters": 3}}
show = ["coco/AP", "train/loss"]
"""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_ablations_resolve(path):
    def locate(key, name):
        return ablate.locate(key, name, may_download=False)

    ablation = read_ablation(path)
    plan = make_plan(ablation, Identifier(ROOT, Digests(), locate), check=ablate.check)
    assert len(plan.runs) == (1 + len(ablation.changes)) * len(ablation.seeds)
    assert ablation.show
    assert f"tools/ablate.py configs/ablations/{path.name}" in path.read_text()


def test_a_misspelt_constant_of_the_loop_is_told_before_anything_runs(tmp_path):
    path = tmp_path / "study.py"
    base = ROOT / "configs" / "demo" / "bmp_demo.py"
    path.write_text(f'base = {str(base)!r}\nchanges = {{"a": {{"loop.num_itres": 3}}}}\n')
    with pytest.raises(ValueError, match="'a': unknown key 'num_itres' in loop; did you mean"):
        make_plan(read_ablation(path), Identifier(ROOT, Digests()), check=ablate.check)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    write_people(folder / "people", num_images=4)
    (folder / "configs").mkdir()
    (folder / "configs" / "tiny.py").write_text(CONFIG)
    (folder / "configs" / "study.py").write_text(ABLATION)
    return folder


def run(folder, *arguments, code=0):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, str(ROOT / "tools" / "ablate.py"), "configs/study.py", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_real_trainings_and_tests_become_a_table(project):
    run(project, "--nproc", "1")
    folder = project / "work_dirs" / "ablations" / "study"
    with (folder / "table.csv").open() as file:
        rows = {row["change"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["base", "slow", "three"]
    weights = json.loads(next(folder.glob("base-0-*/2-test/facts.json")).read_text())
    assert int(rows["base"]["num_parameters"]) == weights["num_parameters"] > 0
    # the result files give draws of images, so each AP has an interval
    assert rows["three"]["coco/AP verdict"] in ("equal", "unclear", "higher", "lower")
    assert rows["three"]["images"] == "4"
    assert float(rows["base"]["seconds"]) > 0
    assert float(rows["base"]["peak_mb"]) > 100
    text = run(project)
    assert "begins" not in text


@pytest.mark.slow
def test_the_base_repeats_itself_and_an_unknown_key_fails_its_row_alone(project):
    assert "numbers are equal to the last bit" in run(project, "--check", "base", "--steps", "2")
    path = project / "configs" / "study.py"
    path.write_text(ABLATION + 'changes["odd"] = {"model.head.no_such_key": 1}\n')
    text = run(project, "--only", "odd", code=1)
    assert "no_such_key" in text
    path.write_text(ABLATION + 'changes["odd"] = {"optim_wraper.x": 1}\n')
    text = run(project, code=1)
    assert text.startswith("error: study: the change 'odd': unknown config key 'optim_wraper'")
    path.write_text(ABLATION)


@pytest.mark.slow
def test_two_processes_share_a_run(project):
    run(project, "--nproc", "2", "--only", "base")
    folder = project / "work_dirs" / "ablations" / "study"
    records = [json.loads(path.read_text()) for path in folder.glob("base-0-*/run.json")]
    # as many processes, another batch: another run than with one
    assert sorted(record["num_processes"] for record in records) == [1, 2]
