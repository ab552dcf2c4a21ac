"""What does not fit is refused when a model is built; packages that are absent name their extra."""

import sys

import pytest
import torch
from torch import nn

import mmpose.codecs  # noqa: F401 - registers
from mmpose.models import TimmBackbone, TopdownPoseEstimator
from mmpose.models.estimators.fit import check_fit
from mmpose.models.estimators.parts import build_part
from mmpose.registry import MODELS
from tests.mmpose.tiny_parts import heatmap_head

CODEC = {"type": "UDPHeatmap", "input_size": (96, 128), "heatmap_size": (24, 32)}
VIT = {
    "type": "VisionTransformer",
    "arch": {"embed_dims": 16, "num_layers": 1, "num_heads": 2, "feedforward_channels": 16},
    "img_size": (128, 96),
}


def head(in_channels, *, steps=2, **fields):
    return heatmap_head(in_channels, CODEC, steps=steps, **{"out_channels": 3, **fields})


class Strided(nn.Module):
    """A backbone of somebody: one convolution of 5 channels and stride 16, answered as asked."""

    def __init__(self, answer=lambda feature: (feature,)):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 16, 16)
        self.norm = nn.BatchNorm2d(5)
        self.answer = answer

    def forward(self, images):
        return self.answer(self.norm(self.conv(images)))


class Narrow(nn.Module):
    """A neck for maps of 9 channels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(9, 5, 1)

    def forward(self, features):
        return (self.conv(features[-1]),)


def refuse(images):
    raise AssertionError("needs 224 x 224")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param(
            {"backbone": VIT, "head": head(32)},
            "last map of the backbone has 16 channels, HeatmapHead expects 32; set in_channels=16",
            id="ours",
        ),
        pytest.param(
            {"backbone": Strided(), "head": head(32)},
            "last map of the backbone has 5 channels, HeatmapHead expects 32; set in_channels=5",
            id="somebody's",
        ),
        pytest.param(
            {
                "backbone": VIT,
                "neck": {"type": "FusionNeck", "in_channels": (8, 16), "out_channels": 4},
                "head": head(4),
            },
            r"backbone gives maps of \(16,\) channels, FusionNeck expects \(8, 16\)",
            id="neck",
        ),
        pytest.param(
            {
                "backbone": VIT,
                "neck": {"type": "FusionNeck", "in_channels": (16,), "out_channels": 4},
                "head": head(16),
            },
            "last map of the neck has 4 channels, HeatmapHead expects 16",
            id="behind the neck",
        ),
        pytest.param(
            {
                "backbone": Strided(lambda feature: (feature, feature)),
                "neck": {
                    "type": "FeatureMapProcessor",
                    "select_index": (0, 1),
                    "concat": True,
                },
                "head": head(5),
            },
            "last map of the neck has 10 channels, HeatmapHead expects 5",
            id="joined maps",
        ),
        pytest.param(
            {"backbone": Strided(), "neck": Narrow(), "head": head(5)},
            r"Narrow does not take maps of 5 x 8 x 6 \(C x h x w\)",
            id="somebody's neck",
        ),
        pytest.param(
            {"backbone": VIT, "head": {"type": "PerDatasetHead", "heads": [head(16), head(8)]}},
            "has 16 channels, HeatmapHead expects 8",
            id="second head",
        ),
        pytest.param(
            {"backbone": Strided(), "head": head(5, steps=3)},
            r"draws maps of 48 x 64 \(w, h\), its decoder expects 24 x 32; .* take fewer",
            id="size of the heatmaps",
        ),
        pytest.param(
            {"backbone": Strided(lambda feature: (feature.mean((2, 3)),)), "head": head(5)},
            r"Strided gives \[2, 5\] in place of maps \[B, C, h, w\].*out_type='featmap'",
            id="no map",
        ),
        pytest.param(
            {"backbone": Strided(refuse), "head": head(5)},
            r"Strided does not take crops of 96 x 128 \(w, h\): needs 224 x 224",
            id="another size of crops",
        ),
        pytest.param(
            {
                "backbone": Strided(),
                "head": {**head(5), "type": "MultiHead", "decoder": {**CODEC, "type": "ProbMap"}},
            },
            "MultiHead needs feature maps of 16 x 12, got 8 x 6",
            id="four numbers a joint",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({"type": "TopdownPoseEstimator", **parts})


def test_trying_a_backbone_computes_nothing_and_leaves_it_as_it_was():
    backbone = Strided()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    TopdownPoseEstimator(backbone, head=head(5))
    assert backbone.training
    after = backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda feature: (feature * feature.max().item(),), id="asks for numbers"),
        pytest.param(lambda feature: (feature + torch.ones(5, 1, 1),), id="a tensor of its own"),
    ],
)
def test_what_cannot_be_tried_is_not_checked(answer):
    TopdownPoseEstimator(Strided(answer), head=head(7))


def test_one_map_means_the_same_as_a_tuple_of_one():
    backbone = Strided(lambda feature: feature)
    model = TopdownPoseEstimator(backbone, head=head(5)).eval()
    images = torch.rand(2, 3, 128, 96)
    with torch.no_grad():
        maps = model(images)
        torch.testing.assert_close(maps[:1], model(images[:1]))
    assert maps.shape == (2, 3, 32, 24)


@pytest.mark.parametrize("name", ["mmpretrain.ResNet", "mmcls.ResNet"])
def test_an_absent_package_names_its_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "mmpretrain", None)
    with pytest.raises(ImportError) as error:
        build_part({"type": name, "depth": 18})
    assert str(error.value) == "mmpretrain.ResNet needs mmpretrain: pip install -e '.[openmmlab]'"


def test_settings_that_our_vit_lacks_name_the_extra_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "mmpretrain", None)
    with pytest.raises(ValueError, match=r"got 'deit-tiny'; mmpretrain's own .*\[openmmlab\]"):
        build_part({"type": "mmpretrain.VisionTransformer", "arch": "deit-tiny"})
    with pytest.raises(ValueError, match=r"argument 'out_indices'; .*\[openmmlab\]"):
        build_part({"type": "mmpretrain.VisionTransformer", "out_indices": -1})


def test_maps_of_timms_swin_come_channels_first():
    """timm lays Swin's out as (B, h, w, C)."""
    small = dict(img_size=(64, 48), embed_dim=16, depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 1))
    backbone = TimmBackbone(
        "swin_tiny_patch4_window7_224",
        out_indices=(0, -1),
        model_args={**small, "window_size": 4},
    ).eval()
    images = torch.rand(2, 3, 64, 48)
    with torch.no_grad():
        maps, theirs = backbone(images), backbone.trunk(images)
    assert [tuple(m.shape) for m in maps] == [(2, 16, 16, 12), (2, 128, 2, 2)]
    assert backbone.out_channels == (16, 128)
    assert torch.equal(maps[0][1, 5, 9, 11], theirs[0][1, 9, 11, 5])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model_name": "resnet5o"}, r"Unknown model \(resnet5o\); near it: resnet50, "),
        ({"model_name": "resnet18", "out_indices": (7,)}, r"no feature maps \(7,\) of 'resnet18'"),
    ],
)
def test_what_timm_does_not_have_is_told(settings, message):
    with pytest.raises(ValueError, match=message):
        TimmBackbone(**settings)


def test_a_backbone_with_synchronised_norms_is_tried_in_a_training_of_several(monkeypatch):
    """There SyncBatchNorm refuses every device but a GPU, as long as it trains."""
    heads = [MODELS.build(head(channels)) for channels in (5, 6)]
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    backbone = Strided()
    backbone.norm = nn.SyncBatchNorm(5)
    backbone.conv.eval()
    check_fit(backbone, None, heads[0])
    assert [backbone.training, backbone.conv.training, backbone.norm.training] == [1, 0, 1]
    with pytest.raises(ValueError, match="has 5 channels"):
        check_fit(backbone, None, heads[1])
