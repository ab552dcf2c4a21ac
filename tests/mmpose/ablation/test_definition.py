"""What a file of an ablation may say, and what is refused before anything runs."""

import pytest

from mmpose.ablation.definition import read_ablation

CHANGES = 'changes = {"more": {"model.value": 2}}\n'


def test_a_file_says_rows_seeds_and_numbers(project):
    path = project.write(CHANGES + 'seeds = [3, 4]\nshow = ["fake/value"]\n')
    ablation = read_ablation(path)
    assert ablation.name == "study"
    assert ablation.base == (project.folder / "configs/fake.py").resolve()
    assert ablation.changes == {"more": {"model.value": 2}}
    assert ablation.seeds == [3, 4]
    assert ablation.show == ["fake/value"]
    assert [link.task for link in ablation.chain] == ["test"]


def test_a_product_has_a_row_for_each_combination(project):
    ablation = read_ablation(
        project.write('product = {"model.value": [1, 2], "model.head.width": [8, 16]}')
    )
    assert ablation.changes == {
        "value=1,width=8": {"model.value": 1, "model.head.width": 8},
        "value=1,width=16": {"model.value": 1, "model.head.width": 16},
        "value=2,width=8": {"model.value": 2, "model.head.width": 8},
        "value=2,width=16": {"model.value": 2, "model.head.width": 16},
    }


def test_keys_of_one_last_part_keep_their_full_names_in_a_product(project):
    ablation = read_ablation(project.write('product = {"a.value": [1], "b.value": [[2, 3]]}'))
    assert list(ablation.changes) == ["a.value=1,b.value=-2,-3-"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "has no changes", id="nothing to do"),
        pytest.param("changes = {}", "has no changes", id="no change"),
        pytest.param(CHANGES + "seeds = []", "seeds must be", id="no seeds"),
        pytest.param(CHANGES + "seeds = [1, 1]", "seeds must be different", id="a seed twice"),
        pytest.param(CHANGES + "seeds = [True]", "whole numbers", id="a seed that is no number"),
        pytest.param(CHANGES + 'chain = ["tset"]', "a step of the chain", id="unknown task"),
        pytest.param(
            CHANGES + 'chain = [dict(task="test", options={"a.b": "{checkpoint}"}), "train"]',
            "needs a training before it",
            id="a checkpoint of nothing",
        ),
        pytest.param(CHANGES + "seed = [1]", "did you mean 'seeds'", id="misspelt entry"),
        pytest.param(CHANGES + 'show = "AP"', "show must be a list", id="one name"),
        pytest.param('changes = {"a b": {"x": 1}}', "cannot name a change", id="a space"),
        pytest.param('changes = {"base": {"x": 1}}', "leave 'base'", id="the base's name"),
        pytest.param('changes = {"a": {}}', "must change some key", id="no key"),
        pytest.param(
            'changes = {\n"a": {"x": 1},\n"a": {"x": 2}}',
            "line 2: 'a' stands there twice",
            id="dict",
        ),
        pytest.param(
            'changes = {"a": {"x": 1, "x": 2}}', "'x' stands there twice", id="a key twice"
        ),
        pytest.param(
            'changes = [("a", {"x": 1}), ("a", {"x": 2})]', "two changes are named 'a'", id="pairs"
        ),
        pytest.param('product = {"x": []}', "needs a list of values", id="empty product"),
        pytest.param("changes = 5", "changes must be a dict", id="changes that are a number"),
        pytest.param('changes = ["a"]', "changes must be a dict", id="a name alone"),
        pytest.param('changes = [("a", {"x": 1}, 2)]', "changes must be", id="three of a pair"),
        pytest.param('changes = {1: {"x": 1}}', "1 cannot name a change", id="a number as name"),
        pytest.param('changes = {"a": {5: 1}}', "has the key 5", id="a number as key"),
        pytest.param('changes = {"a": {"model.": 1}}', "has the key 'model.'", id="a dot too much"),
        pytest.param('changes = {"a": {"x": print}}', "sets 'x' to <built-in", id="a function"),
        pytest.param('changes = {"a": {"x": [float("inf")]}}', "to .inf.; take", id="infinite"),
        pytest.param("product = [1]", "product must be a dict", id="a product of nothing"),
        pytest.param(CHANGES + "options = 5", "options must be a dict", id="options"),
        pytest.param(CHANGES + 'chain = "train"', "chain must be a list", id="a chain of letters"),
        pytest.param(CHANGES + "chain = [5]", "a step of the chain", id="a number as step"),
        pytest.param(
            CHANGES + 'chain = [dict(task="test", config=5)]', "named by its path", id="config"
        ),
        pytest.param(CHANGES + "seeds = [-1]", r"must lie in \[0, 4294967295\]", id="below 0"),
        pytest.param(CHANGES + "seeds = [2**32]", "seeds must lie in", id="above numpy's"),
        pytest.param(CHANGES + 'task = "test"\nchain = ["test"]', "keep the chain", id="both"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(project, text, message):
    with pytest.raises(ValueError, match=message):
        read_ablation(project.write(text))


def test_files_that_are_not_there_are_named(project, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no ablation .*; "):
        read_ablation(tmp_path / "none.py")
    path = project.folder / "configs" / "lost.py"
    path.write_text('base = "configs/lost_base.py"\n' + CHANGES)
    with pytest.raises(FileNotFoundError, match=r"configs/lost_base\.py, which is not in"):
        read_ablation(path)
    path.write_text(CHANGES)
    with pytest.raises(ValueError, match="names no base"):
        read_ablation(path)
