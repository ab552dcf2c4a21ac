"""What a checkpoint tells of its run, read without running what it may bring along."""

import pytest
import torch
from mmengine.config import Config

from mmpose.engine.config_changes import find_changes
from mmpose.engine.saved_run import SavedRun, read_config_text, read_saved_run

CONFIG = {
    "model": {"type": "A", "sizes": (1, 2), "names": {"a b": 1, "c": {"d e": [None, True]}}},
    "train_dataloader": {
        "dataset": {"pipeline": [{"type": "Load"}, {"type": "Flip", "prob": 0.5}]}
    },
    "limit": float("inf"),
}


@pytest.mark.parametrize("formatted", [True, False])
def test_the_text_of_a_config_is_read_back(formatted):
    text = Config(CONFIG, format_python_code=formatted).pretty_text
    found = read_config_text(text)
    assert found["model"]["sizes"] == [1, 2]
    assert found["model"]["names"] == {"a b": 1, "c": {"d e": [None, True]}}
    assert found["train_dataloader"]["dataset"]["pipeline"][1] == {"type": "Flip", "prob": 0.5}
    assert found["limit"] == "inf"


def test_code_in_the_text_is_not_run(tmp_path):
    path = tmp_path / "made"
    found = read_config_text(f"import os\nmodel = open({str(path)!r}, 'w')\nwork_dir = 'a'")
    assert found["work_dir"] == "a"
    assert not path.exists()
    assert read_config_text("model = <object at 0x1>") == {}


def changes(before, after):
    saved = SavedRun("last.pth", config=read_config_text(Config(before).pretty_text))
    return [
        (change.key, change.before, change.after)
        for change in find_changes(saved, Config(after).pretty_text)
    ]


def test_differences_are_told_by_place():
    before = {"model": {"a": [1, 2], "b": {"c": 3}}, "work_dir": "x", "alpha": 1}
    after = {"model": {"a": [1, 4], "b": {"c": 3, "d": None}}, "work_dir": "y", "alpha": 2}
    assert changes(before, before) == []
    # the folder says nothing, alpha is a variable of the file, None is how "not set" is written
    assert changes(before, after) == [("model.a", "[1, 2]", "[1, 4]")]


def test_a_list_of_other_classes_is_told_as_one():
    load, flip, crop = {"type": "Load"}, {"type": "Flip", "prob": 0.5}, {"type": "Crop"}
    before = {"train_dataloader": {"pipeline": [load, flip]}}
    after = {"train_dataloader": {"pipeline": [load, crop, flip]}}
    key = "train_dataloader.pipeline.types"
    assert changes(before, after) == [(key, "['Load', 'Flip']", "['Load', 'Crop', 'Flip']")]


def test_mmengines_loops_and_ours_count_the_same():
    before = {"train_cfg": {"by_epoch": True, "max_epochs": 3}}
    after = {"train_cfg": {"type": "ResumableEpochTrainLoop", "max_epochs": 3}}
    assert changes(before, after) == []


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"], ids=["empty", "text"])
def test_a_file_that_cannot_be_read_tells_nothing(content, tmp_path):
    path = tmp_path / "iter_1.pth"
    path.write_bytes(content)
    assert read_saved_run(str(path)) is None
    assert read_saved_run(str(tmp_path / "none.pth")) is None


def test_weights_alone_tell_nothing(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1)}, path)
    assert read_saved_run(str(path)) is None
