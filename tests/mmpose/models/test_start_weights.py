"""Start weights of a backbone: from a file of timm's names, or from another of our models."""

import pytest
import timm
import torch

from mmpose.engine.checkpoint import save_weights
from mmpose.models.backbones.timm_backbone import (
    TimmBackbone,
    find_pretrained_file,
    read_trunk_weights,
)

NAME = "tf_efficientnet_lite0"


def test_start_weights_in_timms_names_lose_the_classifier(tmp_path):
    path = tmp_path / "start.pth"
    source = timm.create_model(NAME).state_dict()
    torch.save(source, path)
    backbone = TimmBackbone(NAME, pretrained_file=str(path))
    backbone.init_weights()
    assert torch.equal(backbone.trunk.conv_stem.weight, source["conv_stem.weight"])
    assert not any(name.startswith("classifier") for name in read_trunk_weights(str(path)))


def test_a_backbone_can_start_from_that_of_a_shipped_model(tmp_path):
    trained = TimmBackbone(NAME)
    path = tmp_path / "model.safetensors"
    state_dict = {f"backbone.{name}": value for name, value in trained.state_dict().items()}
    save_weights(state_dict | {"head.weight": torch.ones(2)}, path, bits=8)
    fresh = TimmBackbone(NAME, pretrained_file=str(path))
    fresh.init_weights()
    weight, like = fresh.trunk.conv_stem.weight, trained.trunk.conv_stem.weight
    assert weight.dtype == torch.float32
    step = like.abs().flatten(1).amax(1)[:, None, None, None] / 127
    assert ((weight - like).abs() <= step).all()


def test_missing_start_weights_name_the_command_that_makes_them():
    with pytest.raises(FileNotFoundError, match="model_converters/efficientnet_lite0"):
        find_pretrained_file("models/nothing_here.pth")
