import pytest

from mmpose.engine.config import describe_knobs, load_config
from mmpose.engine.knobs import find_knobs

BASE = """
__knobs__ = {"alpha": "how dark", "codec": "targets", "length": "steps"}
alpha = 0.25
codec = dict(type="A", inner=dict(sizes=[1, 2]))
length = 10
unread = 3
model = dict(decoder=codec, half=length // 2, name="{{ fileBasename }}", at="{{ fileDirname }}")
"""
MIDDLE = """
_base_ = ["./base.py"]
alpha = _base_.alpha
val_cfg = dict(old={{_base_.alpha}}, whole={{_base_.codec}})
"""
LEAF = """
_base_ = "sub/middle.py"
length = 20
if length > 5:
    alpha = 0.5
train_cfg = dict(alpha=alpha, length=length, base=_base_.length, twice=[_base_.codec] * 2)
"""


@pytest.fixture
def leaf(tmp_path):
    folder = tmp_path / "configs" / "sub"
    folder.mkdir(parents=True)
    (folder / "base.py").write_text(BASE)
    (folder / "middle.py").write_text(MIDDLE)
    path = folder.parent / "leaf.py"
    path.write_text(LEAF)
    return path


def test_knobs_of_bases_are_found(leaf):
    expected = {"alpha": "how dark", "codec": "targets", "length": "steps"}
    assert find_knobs(leaf) == expected
    assert "__knobs__" not in load_config(leaf)


def test_every_assignment_of_a_variable_takes_the_value(leaf):
    config = load_config(leaf, {"alpha": 0.75, "length": 30})
    assert (config.alpha, config.val_cfg.old) == (0.75, 0.75)
    assert (config.train_cfg.alpha, config.train_cfg.length, config.train_cfg.base) == (
        0.75,
        30,
        30,
    )
    assert config.model.half == 15
    assert config.filename == str(leaf)


def test_a_place_inside_a_variable(leaf):
    config = load_config(leaf, {"codec.type": "B", "codec.inner.sizes.1": 5, "codec.sigma": 2})
    codec = {"type": "B", "inner": {"sizes": [1, 5]}, "sigma": 2}
    assert config.model.decoder == config.val_cfg.whole == codec
    assert config.train_cfg.twice == [codec, codec]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"type": "B"}, {"type": "B", "inner": {"sizes": [1, 2]}}, id="merged"),
        pytest.param({"type": "B", "_delete_": True}, {"type": "B"}, id="replaced"),
        pytest.param({"inner": {"sizes": 3}}, {"type": "A", "inner": {"sizes": 3}}, id="deep"),
    ],
)
def test_a_dict_merges_as_in_any_place(leaf, value, expected):
    assert load_config(leaf, {"codec": value}).model.decoder == expected


def test_names_of_the_file_are_those_of_the_original(leaf):
    model = load_config(leaf, {"length": 30}).model
    assert model.name == "base.py"
    assert model.at.replace("/./", "/") == str(leaf.parent / "sub")


def test_a_place_is_set_after_the_knobs(leaf):
    config = load_config(leaf, {"train_cfg.length": 1, "length": 30})
    assert (config.train_cfg.length, config.train_cfg.base) == (1, 30)


@pytest.mark.parametrize("value", [0.5, 1])
def test_a_knob_that_no_part_reads_is_refused_whatever_its_value(leaf, value):
    leaf.write_text(
        "__knobs__ = {'alpha': '', 'beta': ''}\nalpha = 0.5\nbeta = 1\nval_cfg = [beta]"
    )
    with pytest.raises(ValueError, match=r"no part of leaf\.py reads alpha.* are read: beta"):
        load_config(leaf, {"alpha": value})
    assert load_config(leaf, {"beta": 1}).val_cfg == [1]


def test_a_declared_name_without_a_variable_is_refused(leaf):
    leaf.write_text("__knobs__ = {'alpha': 'nowhere'}\nval_cfg = dict()")
    with pytest.raises(ValueError, match=r"no part of leaf\.py reads alpha"):
        load_config(leaf, {"alpha": 1})


def test_other_variables_stay_refused(leaf):
    with pytest.raises(ValueError, match=r"\['unread'\] are variables .*alpha, codec, length"):
        load_config(leaf, {"unread": 1})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"codec.inner.size.x": 1},
            r"leaf\.py cannot have codec\.inner\.size\.x=1: KeyError: 'size'",
        ),
        ({"length": "long"}, r"leaf\.py cannot have length='long': TypeError"),
        ({"alpha": object}, "a knob takes numbers, texts"),
        ({"lenght": 3}, "unknown config key 'lenght'; did you mean 'length'"),
    ],
)
def test_what_a_knob_cannot_take_is_told(leaf, options, told):
    with pytest.raises(ValueError, match=told):
        load_config(leaf, options)


def test_a_declaration_is_written_out(leaf):
    leaf.write_text("__knobs__ = dict(alpha='how dark')\nalpha = 1\nval_cfg = [alpha]")
    with pytest.raises(ValueError, match="__knobs__ must be written out"):
        load_config(leaf, {"alpha": 2})


def test_knobs_are_listed_with_value_and_meaning(leaf):
    text = describe_knobs(leaf)
    assert "length=20\n    steps" in text
    assert text.endswith("parts of the model, to be named without model.: decoder")
    assert "unread" not in text
