"""Backbones and necks of mmdet by name, on mmcv-lite, without anything of bmp."""

import subprocess
import sys

import pytest
import torch

import mmpose.codecs  # noqa: F401 - registers
from mmpose.models.estimators.parts import build_part
from mmpose.registry import MODELS
from tests.mmpose.tiny_parts import heatmap_head

pytestmark = pytest.mark.slow  # all of mmdet is imported

CODEC = {"type": "UDPHeatmap", "input_size": (96, 128), "heatmap_size": (24, 32)}


def build(backbone, in_channels, steps, **fields):
    head = heatmap_head(in_channels, CODEC, steps=steps)
    parts = {"backbone": backbone, "head": head, **fields}
    return MODELS.build({"type": "TopdownPoseEstimator", **parts})


RESNET = {"type": "mmdet.ResNet", "depth": 18}
CSPNEXT = {"type": "mmdet.CSPNeXt", "widen_factor": 0.25, "deepen_factor": 0.167}
FPN = {"type": "mmdet.FPN", "in_channels": [64, 128, 256, 512], "out_channels": 16, "num_outs": 4}


@pytest.mark.parametrize(
    ("backbone", "channels", "steps", "neck"),
    [
        pytest.param(RESNET, 512, 3, None, id="ResNet"),
        pytest.param({**RESNET, "out_indices": (0, 1, 2)}, 256, 2, None, id="its third map"),
        pytest.param(CSPNEXT, 256, 3, None, id="CSPNeXt"),
        pytest.param(RESNET, 16, 3, FPN, id="FPN behind it"),
    ],
)
def test_a_backbone_of_mmdet_draws_heatmaps(backbone, channels, steps, neck):
    model = build(backbone, channels, steps, neck=neck).eval()
    with torch.no_grad():
        assert model(torch.rand(2, 3, 128, 96)).shape == (2, 17, 32, 24)


def test_a_wrong_number_of_channels_is_told():
    with pytest.raises(ValueError, match="has 512 channels, HeatmapHead expects 2048"):
        build(RESNET, 2048, 3)
    with pytest.raises(ValueError, match=r"FPN does not take maps of 64 x 32 x 24, 128 x 16 x 12"):
        build(RESNET, 16, 3, neck={**FPN, "in_channels": [256, 512, 1024, 2048]})


def test_frozen_stages_stay_frozen():
    model = build({**RESNET, "frozen_stages": 1}, 512, 3).train()
    assert not model.backbone.bn1.training
    names = {name for name, p in model.backbone.named_parameters() if not p.requires_grad}
    assert {name.split(".")[0] for name in names} == {"conv1", "bn1", "layer1"}
    assert model.backbone.layer2[0].bn1.training == (not model.backbone.norm_eval)


def test_a_misspelt_class_names_those_near_it():
    with pytest.raises(ValueError, match=r"mmdet has no model 'CSPNext'; near it: CSPNeXt"):
        build_part({"type": "mmdet.CSPNext"})


def test_mmdet_imports_without_bmp():
    code = (
        "import sys; sys.modules['bmp'] = None\n"
        "import mmpose.models\n"
        "from mmpose.models.estimators.parts import build_part\n"
        "print(type(build_part(dict(type='mmdet.ResNet', depth=18))).__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "mmdet.models.backbones.resnet", done.stderr
