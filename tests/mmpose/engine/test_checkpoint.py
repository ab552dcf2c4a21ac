"""Weights in and out of files, safely and strictly."""

import os
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub
from torch import nn

from mmpose.engine.checkpoint import (
    allow_training_pickles,
    load_checkpoint,
    load_state_dict_file,
    save_weights,
)


def training_checkpoint(model):
    """What mmengine's CheckpointHook writes."""
    hub = MessageHub.get_instance("test_checkpoint")
    hub.update_scalar("train/loss", 1.5)
    hub.update_info("iter", 3)
    return {
        "meta": {
            "cfg": "model = dict()",
            "dataset_meta": {"sigmas": np.zeros(17, np.float32), "flip_indices": [0]},
            "seed": np.int64(3),
            "names": np.array(["nose"]),
        },
        "state_dict": {f"module.{k}": v for k, v in model.state_dict().items()},
        "message_hub": hub.state_dict(),
        "optimizer": torch.optim.AdamW(model.parameters()).state_dict(),
        "cfg": ConfigDict(a={"b": 1}),
    }


def test_a_training_checkpoint_is_read_without_running_its_code(tmp_path):
    source, target = nn.Linear(2, 3), nn.Linear(2, 3)
    torch.save(training_checkpoint(source), tmp_path / "epoch_1.pth")
    meta = load_checkpoint(target, tmp_path / "epoch_1.pth")
    assert torch.equal(source.weight, target.weight)
    assert meta["dataset_meta"]["sigmas"].shape == (17,)
    assert meta["seed"] == 3


def test_resuming_reads_everything_once_allowed(tmp_path):
    torch.save(training_checkpoint(nn.Linear(2, 3)), tmp_path / "epoch_1.pth")
    with torch.serialization.safe_globals([]):
        allow_training_pickles()
        content = torch.load(tmp_path / "epoch_1.pth", weights_only=True)
    assert content["message_hub"]["log_scalars"]["train/loss"].current() == 1.5


class Payload:
    def __reduce__(self):
        return os.mkdir, ("should_not_exist",)


@pytest.mark.parametrize("content", [{"state_dict": Payload()}, Payload()])
def test_a_file_with_code_is_refused(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(content, "evil.pth")
    with pytest.raises(ValueError, match=r"cannot be read safely.*(mkdir|posix)"):
        load_state_dict_file("evil.pth")
    assert not (tmp_path / "should_not_exist").exists()


@pytest.mark.parametrize(
    ("name", "start", "kind"),
    [
        ("x.pth", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ("x.safetensors", b"\n<!DOCTYPE html>", "a web page"),
        ("x.pt", b"\xff\xd8\xff\xe0", "an image"),
        ("x.pt", b'[{"image_id": 1}]', "JSON text"),
        ("x.onnx", b"\x08\x0a", "an ONNX model"),
    ],
)
def test_a_file_of_something_else_says_what_it_seems_to_be(name, start, kind, tmp_path):
    (tmp_path / name).write_bytes(start)
    with pytest.raises(ValueError, match=f"{name} holds no weights; it seems to be {kind}"):
        load_state_dict_file(tmp_path / name)


def test_a_pickled_yolo_is_named(tmp_path, monkeypatch):
    module = ModuleType("ultralytics.nn.tasks")  # its files hold the whole model
    module.DetectionModel = type("DetectionModel", (), {"__module__": module.__name__})
    for part in ("ultralytics", "ultralytics.nn", module.__name__):
        monkeypatch.setitem(sys.modules, part, module)
    torch.save({"model": module.DetectionModel()}, tmp_path / "yolo11n.pt")
    with pytest.raises(ValueError, match="seems to be a YOLO of ultralytics"):
        load_state_dict_file(tmp_path / "yolo11n.pt")


def test_getattr_in_a_file_reaches_nothing_but_averages(tmp_path):
    class Reach:
        def __reduce__(self):
            return getattr, (dict, "fromkeys")

    torch.save({"state_dict": {}, "meta": Reach()}, tmp_path / "evil.pth")
    with pytest.raises(ValueError, match="cannot be read safely"):
        load_state_dict_file(tmp_path / "evil.pth")


@pytest.mark.parametrize("entry", ["state_dict", "model", None])
def test_weights_are_found_under_their_entry(entry, tmp_path):
    weights = nn.Linear(2, 3).state_dict()
    torch.save(weights if entry is None else {entry: weights}, tmp_path / "w.pth")
    state_dict, meta = load_state_dict_file(tmp_path / "w.pth")
    assert set(state_dict) == {"weight", "bias"}
    assert meta == {}


def test_safetensors_round_trip_in_half_precision(tmp_path):
    model = nn.BatchNorm1d(3)
    path = tmp_path / "new_folder" / "w.safetensors"
    save_weights(model.state_dict(), path, {"data": "SynthCrowd", "steps": [1, 2]})
    state_dict, meta = load_state_dict_file(path)
    assert state_dict["weight"].dtype == torch.float16
    assert state_dict["num_batches_tracked"].dtype == torch.int64
    assert meta == {"data": "SynthCrowd", "steps": "[1, 2]"}
    load_checkpoint(model, path)
    assert model.weight.dtype == torch.float32
    assert [file.name for file in path.parent.iterdir()] == ["w.safetensors"]
    with pytest.raises(ValueError, match="safetensors"):
        save_weights({}, tmp_path / "w.pth")


def test_what_does_not_fit_is_listed(tmp_path):
    torch.save(nn.Linear(2, 3).state_dict(), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"(?s)2 not in the file.*0\.weight.*2 not in the model"):
        load_checkpoint(nn.Sequential(nn.Linear(2, 3)), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"(?s)2 of another shape.*weight.*\[3, 2\]"):
        load_checkpoint(nn.Linear(2, 4), tmp_path / "w.pth")


def test_all_kinds_of_differences_are_listed_together(tmp_path):
    source = nn.ModuleDict({"head": nn.Linear(2, 3), "old": nn.Linear(1, 1)})
    target = nn.ModuleDict({"head": nn.Linear(2, 4), "new": nn.Linear(1, 1)})
    torch.save(source.state_dict(), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"(?s)not in the file.*model.*shape") as caught:
        load_checkpoint(target, tmp_path / "w.pth")
    message = str(caught.value)
    assert "2 not in the file:\n    new.weight\n    new.bias" in message
    assert "2 not in the model:\n    old.weight\n    old.bias" in message
    assert "2 of another shape:\n    size mismatch for head.weight" in message


def test_named_differences_are_allowed(tmp_path):
    trunk, head = nn.Linear(2, 2), nn.Linear(2, 3)
    source = nn.ModuleDict({"trunk": trunk, "head": head, "extra": nn.Linear(1, 1)})
    torch.save(source.state_dict(), tmp_path / "w.pth")
    target = nn.ModuleDict({"trunk": nn.Linear(2, 2), "head": nn.Linear(2, 5)})
    load_checkpoint(
        target, tmp_path / "w.pth", allow_missing=["head.*"], allow_unexpected=["extra.*"]
    )
    assert torch.equal(target["trunk"].weight, trunk.weight)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_missing_and_broken_files_say_so(suffix, tmp_path):
    path = tmp_path / f"w{suffix}"
    with pytest.raises(FileNotFoundError, match="no weights at"):
        load_state_dict_file(path)
    path.write_bytes(b"not weights")
    with pytest.raises(ValueError, match="get it again"):
        load_state_dict_file(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"epoch": 3}, id="no tensor"),
        pytest.param({"weight": torch.zeros(2), "epoch": 3}, id="not only tensors"),
        pytest.param({"model": {"weight": torch.zeros(2), "bias": None}}, id="nor so inside"),
        pytest.param([torch.zeros(2)], id="a list"),
    ],
)
def test_a_file_without_weights_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="holds no weights"):
        load_state_dict_file(tmp_path / "w.pth")


def test_a_part_called_module_keeps_its_name(tmp_path):
    model = nn.ModuleDict({"module": nn.Linear(2, 3), "head": nn.Linear(1, 1)})
    torch.save(model.state_dict(), tmp_path / "w.pth")
    state_dict, _ = load_state_dict_file(tmp_path / "w.pth")
    assert set(state_dict) == {"module.weight", "module.bias", "head.weight", "head.bias"}


@pytest.mark.parametrize(
    ("count", "listed", "more"), [(7, 7, None), (8, 8, None), (9, 8, "1 more"), (20, 8, "12 more")]
)
def test_of_many_differences_eight_are_listed(tmp_path, count, listed, more):
    torch.save({}, tmp_path / "w.pth")
    model = nn.ParameterList([nn.Parameter(torch.zeros(1)) for _ in range(count)])
    with pytest.raises(ValueError, match=f"{count} not in the file") as caught:
        load_checkpoint(model, tmp_path / "w.pth")
    lines = str(caught.value).splitlines()
    names = [line.strip() for line in lines if line.startswith("    ")]
    assert names == [str(i) for i in range(listed)] + ([f"... and {more}"] if more else [])


@pytest.mark.parametrize("bits", [8, 16])  # in 8 bits, vectors stay in half precision
@pytest.mark.parametrize("value", [65520.0, 1e6, -1e6])
def test_values_beyond_half_precision_are_refused(tmp_path, value, bits):
    weights = {"a": torch.tensor([1.0, 65504.0]), "b": torch.tensor([value])}
    with pytest.raises(ValueError, match=r"b has the value .* half precision ends at 65504"):
        save_weights(weights, tmp_path / "w.safetensors", bits=bits)
    assert not list(tmp_path.iterdir())
    save_weights(weights, tmp_path / "w.safetensors", bits=32)
    save_weights({"a": weights["a"]}, tmp_path / "half.safetensors", bits=bits)
    assert load_state_dict_file(tmp_path / "half.safetensors")[0]["a"].tolist() == [1.0, 65504.0]
