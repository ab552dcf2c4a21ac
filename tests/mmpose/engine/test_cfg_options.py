"""Values of a config from the command line."""

import argparse

import pytest
from mmengine.config import DictAction

from mmpose.engine.cfg_options import CfgOptionsAction, parse_value
from mmpose.engine.config import load_config


def parse(*options, action=CfgOptionsAction):
    parser = argparse.ArgumentParser()
    parser.add_argument("--cfg-options", nargs="+", action=action)
    return parser.parse_args(["--cfg-options", *options]).cfg_options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("my data/coco", "my data/coco", id="path with a space"),
        pytest.param("a  b/c d e", "a  b/c d e", id="several spaces"),
        pytest.param("  my data ", "my data", id="spaces around"),
        pytest.param("[my data/a, other data/b]", ["my data/a", "other data/b"], id="list"),
        pytest.param("my data/a,my data/b", ["my data/a", "my data/b"], id="list without brackets"),
        pytest.param("(1 a, [b c, 2])", ("1 a", ["b c", 2]), id="list in a tuple"),
        pytest.param("'my data/coco'", "my data/coco", id="quoted"),
        pytest.param('"a, b"', "a, b", id="quoted comma"),
        pytest.param("['a, b', \"c d\", e]", ["a, b", "c d", "e"], id="quotes in a list"),
        pytest.param("'007'", "007", id="quoted number"),
        pytest.param("' a '", " a ", id="quoted spaces"),
        pytest.param("\"[('a b', 1)]\"", [("a b", 1)], id="quotes around a list"),
        pytest.param("Bob's data/coco", "Bob's data/coco", id="apostrophe"),
        pytest.param("Bob's, Ann's", ["Bob's", "Ann's"], id="apostrophes in a list"),
        pytest.param("my data (old)/coco", "my data (old)/coco", id="brackets inside"),
        pytest.param("(old) data (2)", "(old) data (2)", id="brackets at both ends"),
        pytest.param("[0-9]*.jpg", "[0-9]*.jpg", id="pattern"),
        pytest.param("data (a, b)/coco", "data (a, b)/coco", id="comma in brackets"),
        pytest.param("['a]', b]", ["a]", "b"], id="quoted bracket"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_spaces_and_quotes_are_kept(text, expected):
    assert parse_value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("1", "-2", "1e-3", "0.5", "1_000", "true", "False", "None", "word", "a/b.pth", "1,2,3"),
        *("a,b", "[1,2]", "(1,2)", "[]", "()", "(1,)", "1,", "[(1,2,3),[a,b],c]", "['head.*']"),
        *("(0.9,0.999)", "[[1],[2]]", "[a,,b]", "val=3", "none", "-1e5", "[true,None]"),
    ],
)
def test_values_without_spaces_are_read_as_by_mmengine(text):
    ours, theirs = parse(f"key={text}"), parse(f"key={text}", action=DictAction)
    assert ours == theirs
    assert type(ours["key"]) is type(theirs["key"])


def test_the_first_equals_sign_splits():
    assert parse("a.b=x=1", "c = y = 2") == {"a.b": "x=1", "c": "y = 2"}
    assert parse("url=https://host/file?v=a b&w=1") == {"url": "https://host/file?v=a b&w=1"}


def test_given_again_the_options_add_up():
    assert parse("a=1", "--cfg-options", "b=my data", "a=2") == {"a": 2, "b": "my data"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(["data_root=my", "data/coco"], "needs quotes around the whole", id="unquoted"),
        pytest.param(["=3"], "takes KEY=VALUE, got '=3'", id="no key"),
        pytest.param(["size=[1, 2"], r"the bracket [ is not closed", id="list not closed"),
        pytest.param(["size=(1, [2)"], r"the bracket ( is not closed", id="tuple not closed"),
    ],
)
def test_what_is_no_option_is_told_with_the_fix(options, told, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(*options)
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def test_a_path_with_spaces_reaches_the_config(tmp_path):
    path = tmp_path / "configs" / "a.py"
    path.parent.mkdir()
    path.write_text("train_dataloader = dict(dataset=dict(data_root='data', files=['a']))\n")
    key = "train_dataloader.dataset"
    options = parse(f"{key}.data_root=my data/coco", f"{key}.files=[one file.json, 'b, c.json']")
    dataset = load_config(path, options).train_dataloader.dataset
    assert dataset.data_root == str(tmp_path / "my data" / "coco")
    assert dataset.files == ["one file.json", "b, c.json"]
