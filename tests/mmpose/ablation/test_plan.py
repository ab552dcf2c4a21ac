"""Which runs an ablation has, and when two of them are the same."""

import pytest

from mmpose.ablation.definition import read_ablation
from mmpose.ablation.identity import Digests, Identifier
from mmpose.ablation.plan import make_plan
from mmpose.engine.config_difference import differences


def plan_of(project, text, name="study", **settings):
    identifier = Identifier(project.folder, Digests())
    return make_plan(read_ablation(project.write(text, name)), identifier, **settings)


def hashes(plan):
    return {(run.change, run.seed): run.hash for run in plan.runs}


def test_each_row_runs_with_each_seed_after_the_base(project):
    plan = plan_of(project, 'changes = {"more": {"model.value": 2}}\nseeds = [0, 1]')
    assert [(run.change, run.seed) for run in plan.runs] == [
        *[("base", 0), ("base", 1)],
        *[("more", 0), ("more", 1)],
    ]
    assert len(set(hashes(plan).values())) == 4
    assert plan.runs[3].name == f"more-1-{plan.runs[3].hash[:8]}"
    assert plan.runs[3].steps[0].config["randomness"]["seed"] == 1


def test_a_row_differs_in_what_it_changes_and_what_follows_from_it(project):
    plan = plan_of(project, 'changes = {"knob": {"half": 1.5}, "place": {"model.lr": 0.2}}')
    assert plan.difference(plan.runs[1]) == {"model.value": (0.5, 3.0)}
    assert plan.difference(plan.runs[2]) == {"model.lr": (0.1, 0.2)}


def test_the_same_run_has_one_identity_in_two_ablations(project):
    first = plan_of(project, 'changes = {"more": {"model.value": 2}}')
    second = plan_of(project, 'changes = {"two": {"half": 1.0}}', "other")
    # 2 and 2.0 are the same value to the model, but not the same text: only equal values are equal
    third = plan_of(project, 'changes = {"two": {"model.value": 2.0}}', "third")
    assert hashes(second)["two", 0] == hashes(third)["two", 0]
    assert hashes(first)["base", 0] == hashes(second)["base", 0]


@pytest.mark.parametrize(
    ("line", "is_same"),
    [
        pytest.param("test_dataloader = dict(num_workers=7)", True, id="workers"),
        pytest.param('work_dir = "elsewhere"', True, id="folder"),
        pytest.param(
            "train_cfg = dict(max_iters=9)", True, id="training, which a test does not do"
        ),
        pytest.param('test_evaluator = dict(outfile_prefix="a")', True, id="result files"),
        pytest.param("model = dict(lr=0.3)", False, id="the model"),
        pytest.param("test_evaluator = dict(strict=True)", False, id="the metric"),
    ],
)
def test_only_what_can_change_a_number_makes_another_run(project, line, is_same):
    before = plan_of(project, 'changes = {"more": {"model.value": 2}}')
    (project.folder / "configs" / "derived.py").write_text(f'_base_ = "fake.py"\n{line}\n')
    path = project.write('changes = {"more": {"model.value": 2}}')
    path.write_text(path.read_text().replace("fake.py", "derived.py"))
    after = make_plan(read_ablation(path), Identifier(project.folder, Digests()))
    assert (hashes(before) == hashes(after)) == is_same
    assert (before.base_hash == after.base_hash) == is_same


def test_changed_data_is_another_run_and_a_moved_project_is_not(project):
    text = project.folder / "configs" / "fake.py"
    text.write_text(text.read_text() + 'test_evaluator.update(ann_file="people/truth.json")\n')
    people = project.folder / "people"
    people.mkdir()
    (people / "truth.json").write_text("[1]")
    row = 'changes = {"more": {"model.value": 2}}'
    first = plan_of(project, row)
    (people / "truth.json").write_text("[2]")
    second = plan_of(project, row)
    (people / "truth.json").write_text("[1]")
    assert hashes(plan_of(project, row)) == hashes(first) != hashes(second)
    moved = project.folder / "moved"
    moved.mkdir()
    (project.folder / "configs").rename(moved / "configs")
    people.rename(moved / "people")
    there = read_ablation(moved / "configs" / "study.py")
    assert hashes(make_plan(there, Identifier(moved, Digests()))) == hashes(first)


def test_files_count_by_content_whatever_their_key_is_called(project):
    base = (project.folder / "configs/fake.py").read_text()
    project.write_base(
        base + 'test_dataloader["dataset"].update(headbox_file="heads.json")\n'
        'test_evaluator.update(metainfo=dict(from_file="mine.py"))\n'
    )
    row = 'changes = {"more": {"model.value": 2}}'
    found = []
    for heads, sigma in (("[1]", 0.1), ("[2]", 0.1), ("[2]", 0.2), ("[1]", 0.1)):
        (project.folder / "heads.json").write_text(heads)
        (project.folder / "mine.py").write_text(f"dataset_info = dict(sigmas=[{sigma}])")
        found.append(hashes(plan_of(project, row))["base", 0])
    assert len(set(found)) == 3
    assert found[0] == found[3]


def test_processes_count_for_a_training_alone(project):
    row = 'changes = {"more": {"model.value": 2}}\n'
    tests = [hashes(plan_of(project, row, num_processes=n)) for n in (1, 2)]
    trainings = [hashes(plan_of(project, row + 'task = "train"', num_processes=n)) for n in (1, 2)]
    assert tests[0] == tests[1]
    assert trainings[0] != trainings[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('changes = {"a": {"modle.value": 1}}', "unknown config key 'modle'", id="key"),
        pytest.param('changes = {"a": {"model.value.x": 1}}', "which has no key", id="place"),
        pytest.param('changes = {"a": {"model.value": 0.5}}', "'a' changes nothing", id="equal"),
        pytest.param(
            'changes = {"a": {"test_dataloader.num_workers": 0}}', "changes nothing", id="workers"
        ),
        pytest.param(
            'changes = {"a": {"train_cfg.max_iters": 9}}', "its task does not read", id="training"
        ),
        pytest.param(
            'changes = {"a": {"model.value": 2}, "b": {"model.value": 2}}',
            "are the same run",
            id="ab",
        ),
    ],
)
def test_rows_that_make_no_sense_are_refused(project, text, message):
    with pytest.raises(ValueError, match=message):
        plan_of(project, text)


def test_the_point_of_a_grid_that_is_the_base_has_no_row_of_its_own(project, capsys):
    text = 'product = {"model.value": [0.5, 1], "model.lr": [0.1, 0.2]}'
    plan = plan_of(project, text + "\nseeds = [0, 1]")
    assert list(plan.rows()) == ["base", "value=0.5,lr=0.2", "value=1,lr=0.1", "value=1,lr=0.2"]
    project.run(project.write(text), "--dry-run")
    assert "value=0.5,lr=0.1: the base, no row of its own" in capsys.readouterr().out
    with pytest.raises(ValueError, match="changes nothing"):
        plan_of(project, 'changes = {"a": {"model.value": 0.5}}\n' + text)


def test_a_training_may_start_from_that_before_it(project):
    chain = 'chain = ["train", dict(task="train", config="configs/fake.py", options='
    plan = plan_of(project, chain + '{"load_from": "{checkpoint}"})]\nchanges = {"a": {"half": 1}}')
    # not taken for a path relative to the project
    assert plan.runs[0].steps[1].config["load_from"] == "{checkpoint}"


def test_a_base_that_does_not_load_is_told_as_such(project):
    project.write_base("model = dict(\n")
    with pytest.raises(ValueError, match=r"the base .*fake\.py.* is no Python: line 1"):
        plan_of(project, 'changes = {"a": {"model.value": 2}}')
    project.write_base('modle_wrapper_cfg = 1\nmodel = dict(type="Fake")')
    with pytest.raises(ValueError, match=r"the base .*fake\.py: unknown config key"):
        plan_of(project, 'changes = {"a": {"model.value": 2}}')


def test_options_that_replace_a_dict_do_so_in_every_row(project):
    plan = plan_of(
        project,
        'options = {"test_evaluator": dict(_delete_=True, kind="Other")}\n'
        'changes = {"a": {"model.value": 2}, "knob": {"half": 2.0}}',
    )
    assert [run.steps[0].config["test_evaluator"] for run in plan.runs] == [{"kind": "Other"}] * 3


def test_a_check_of_the_project_refuses_a_row(project):
    def check(config):
        if config.model.value > 1:
            raise ValueError("value is at most 1")

    with pytest.raises(ValueError, match="study: the change 'a': value is at most 1"):
        plan_of(project, 'changes = {"a": {"model.value": 2}}', check=check)


def test_differences_name_places_that_one_lacks():
    assert differences({"a": {"b": 1}, "c": [1, 2]}, {"a": {}, "c": [1, 3]}) == {
        "a.b": (1, None),
        "c.1": (2, 3),
        "a": (None, {}),
    }
