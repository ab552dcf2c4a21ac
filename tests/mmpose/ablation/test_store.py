"""Where files of runs lie, and what their configs are completed with."""

import json

import pytest

from mmpose.ablation.definition import read_ablation
from mmpose.ablation.identity import Digests, Identifier
from mmpose.ablation.plan import make_plan
from mmpose.ablation.store import RunStore, truth_of, with_result_files


@pytest.mark.parametrize(
    ("kind", "is_writer"),
    [
        pytest.param("CocoMetric", True, id="poses"),
        pytest.param("bmp.LoopCocoMetric", True, id="the loop, with a scope"),
        pytest.param("DetectionMetric", True, id="a detector"),
        pytest.param("PCKAccuracy", False, id="a metric without files"),
    ],
)
def test_metrics_that_can_write_results_do(kind, is_writer):
    config = {"test_evaluator": {"type": kind}, "model": {}}
    expected = {"type": kind, **({"outfile_prefix": "a/results"} if is_writer else {})}
    assert with_result_files(config, "a/results")["test_evaluator"] == expected
    assert config["test_evaluator"] == {"type": kind}


def test_of_several_metrics_the_first_that_can_writes_results():
    pck, coco = {"type": "PCKAccuracy"}, {"type": "CocoMetric", "ann_file": "/truth.json"}
    config = {"test_evaluator": [pck, coco, coco.copy()]}
    expected = [pck, {**coco, "outfile_prefix": "a/results"}, coco]
    assert with_result_files(config, "a/results") == {"test_evaluator": expected}
    assert truth_of(config)["ann_file"] == "/truth.json"
    assert truth_of({"test_evaluator": [pck]}) is None


def test_a_training_without_a_test_stays_as_it_is():
    assert with_result_files({"model": {}}, "a") == {"model": {}}
    assert truth_of({"model": {}}) is None


def test_results_are_compared_with_the_annotations_of_their_metric():
    evaluator = {"type": "CocoMetric", "ann_file": "/truth.json", "use_area": False}
    evaluator["metainfo"] = {"from_file": "crowdpose.py"}
    assert truth_of({"test_evaluator": evaluator}) == {
        "ann_file": "/truth.json",
        "metainfo": "crowdpose.py",
        "use_area": False,
        "images": None,
    }
    converted = {**evaluator, "pred_converter": {"mapping": []}}
    assert truth_of({"test_evaluator": converted}) is None


def test_a_recipe_stays_once_its_run_is_done(project):
    plan = make_plan(
        read_ablation(project.write('changes = {"a": {"model.value": 2}}')),
        Identifier(project.folder, Digests()),
    )
    store = RunStore(project.folder / "runs")
    store.prepare(plan, project.tools)
    folder = store.folder(plan.runs[1])
    folder.recipe_file.write_text(json.dumps({"mine": True}))
    folder.write_record({"state": "done"})
    store.prepare(plan, project.tools)
    assert folder.recipe() == {"mine": True}
    # each row has a link, and is noted with its base
    link = store.ablation_folder("study") / plan.runs[1].name
    assert link.resolve() == folder.path
    assert store.rows("study")[0]["base"] == plan.base_hash
    # the file that the tools read holds what was resolved
    space = {}
    exec((folder.path / "1-test.py").read_text(), space)
    assert space["model"]["value"] == 2
    assert space["randomness"] == {"seed": 0}


def test_digests_are_remembered_and_follow_the_file(tmp_path):
    path, store = tmp_path / "weights", tmp_path / "digests.json"
    path.write_bytes(b"one")
    digests = Digests(store)
    first = digests.of(path)
    digests.save()
    assert Digests(store).known == {str(path): [3, path.stat().st_mtime_ns, first]}
    path.write_bytes(b"three")
    assert Digests(store).of(path) != first
    # a broken store costs time alone
    store.write_text("{")
    assert Digests(store).of(path) == digests.of(path)
