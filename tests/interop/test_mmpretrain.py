"""Backbones of mmpretrain by name in our pose models, live; transformers 5 lies beside it."""

import subprocess
import sys

import pytest
import torch

import mmpose.codecs  # noqa: F401 - registers
from mmpose.engine import LayerDecayOptimWrapperConstructor
from mmpose.models import VisionTransformer
from mmpose.models.estimators.parts import build_part
from mmpose.registry import MODELS
from tests.mmpose.models.test_topdown import HEADS, make_batch

pytest.importorskip("mmpretrain")

pytestmark = pytest.mark.interop

TINY = {"embed_dims": 32, "num_layers": 2, "num_heads": 2, "feedforward_channels": 64}
VIT = {
    "type": "mmpretrain.VisionTransformer",
    "arch": TINY,
    "img_size": (128, 96),
    "patch_cfg": {"padding": 2},
    "with_cls_token": False,
    "out_type": "featmap",
}
RESNET = {"type": "mmpretrain.ResNet", "depth": 18}
BACKBONES = {
    "ResNet": (RESNET, 512, 3),
    "its third map": ({**RESNET, "out_indices": (2,)}, 256, 2),
    "older scope": ({**RESNET, "type": "mmcls.ResNet"}, 512, 3),
    "ViT with a class token": ({**VIT, "with_cls_token": True}, 32, 2),
    "DeiT": ({**VIT, "arch": "deit-tiny"}, 192, 2),
    "ConvNeXt": (
        {"type": "mmpretrain.ConvNeXt", "arch": "atto", "gap_before_final_norm": False},
        320,
        3,
    ),
    "MobileNetV2": ({"type": "mmpretrain.MobileNetV2", "widen_factor": 0.35}, 1280, 3),
    "HRNet": ({"type": "mmpretrain.HRNet", "arch": "w18"}, 144, 3),
}


def build(backbone, channels, steps, head="heatmaps", **fields):
    head = HEADS[head] | {
        "in_channels": channels,
        "deconv_out_channels": (8,) * steps,
        "deconv_kernel_sizes": (4,) * steps,
        **fields,
    }
    # crops of 96 x 128 whose maps have a quarter of their sides
    head["decoder"] = head["decoder"] | {"heatmap_size": (24, 32)}
    torch.manual_seed(0)
    return MODELS.build({"type": "TopdownPoseEstimator", "backbone": backbone, "head": head})


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_of_mmpretrain_trains_and_poses(name):
    model = build(*BACKBONES[name]).train()
    model.init_weights()
    batch = model.data_preprocessor(make_batch(model, 2))
    total, _ = model.parse_losses(model(**batch, mode="loss"))
    total.backward()
    assert any(p.grad is not None and p.grad.any() for p in model.backbone.parameters())
    model.eval()
    (first, _) = model.test_step(make_batch(model, 2))
    assert first.pred_instances.keypoints.shape == (1, 17, 2)


def test_the_four_numbers_of_a_joint_come_from_a_map_of_stride_8():
    """128 x 96 crops, so that maps are 16 x 12; a coarser one is refused when built."""
    backbone = {**RESNET, "out_indices": (1,)}
    model = build(backbone, 128, 1, head="all branches").train()
    batch = model.data_preprocessor(make_batch(model, 2))
    assert {"loss_kpt", "loss_oks"} <= set(model(**batch, mode="loss"))
    with pytest.raises(ValueError, match="MultiHead needs feature maps of 16 x 12, got 4 x 3"):
        build(RESNET, 512, 3, head="all branches")


def test_our_vit_is_that_of_mmpretrain():
    ours = build_part(VIT).eval()
    assert isinstance(ours, VisionTransformer)
    # by its full name it is theirs
    theirs = build_part({**VIT, "type": "mmpretrain.models.VisionTransformer"})
    theirs.eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    ours.load_state_dict(theirs.state_dict())
    images = torch.rand(2, 3, 128, 96)
    with torch.no_grad():
        ((mine,), (expected,)) = ours(images), theirs(images)
    torch.testing.assert_close(mine, expected, atol=1e-5, rtol=0)


def test_settings_that_our_vit_lacks_bring_theirs():
    theirs = build_part({**VIT, "out_indices": [0, 1]})
    assert type(theirs).__module__ == "mmpretrain.models.backbones.vision_transformer"


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        pytest.param(
            {**RESNET, "depth": 50},
            "has 2048 channels, HeatmapHead expects 512; set in_channels=2048",
            id="channels",
        ),
        pytest.param(
            {**VIT, "arch": "deit-tiny", "out_type": "cls_token", "with_cls_token": True},
            r"VisionTransformer gives \[2, 192\] in place of maps",
            id="a class token",
        ),
        pytest.param(
            {"type": "mmpretrain.SwinTransformer", "arch": "tiny", "img_size": (128, 96)},
            r"SwinTransformer does not take crops of 96 x 128 \(w, h\): .*pad_small_map=True",
            id="windows",
        ),
        pytest.param(
            {"type": "mmpretrain.Resnet"}, "mmpretrain has no model 'Resnet'; near it", id="name"
        ),
    ],
)
def test_what_does_not_fit_is_told_when_the_model_is_built(backbone, message):
    with pytest.raises(ValueError, match=message):
        build(backbone, 512, 3)


def test_frozen_stages_stay_frozen():
    model = build({**RESNET, "frozen_stages": 2}, 512, 3).train()
    frozen = {n.split(".")[0] for n, p in model.backbone.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1", "layer2"}
    assert not model.backbone.layer2[0].bn1.training
    assert model.backbone.layer3[0].bn1.training


def test_weights_of_its_checkpoints_start_a_training(tmp_path):
    trained = build_part(RESNET)
    weights = {f"backbone.{name}": value for name, value in trained.state_dict().items()}
    torch.save({"state_dict": weights | {"head.fc.weight": torch.ones(2)}}, tmp_path / "r18.pth")
    start = {"type": "Pretrained", "checkpoint": str(tmp_path / "r18.pth"), "prefix": "backbone."}
    model = build({**RESNET, "init_cfg": start}, 512, 3)
    model.init_weights()
    assert torch.equal(model.backbone.layer4[0].conv1.weight, trained.layer4[0].conv1.weight)


def test_layer_decay_knows_the_vit_and_refuses_others():
    settings = {"num_layers": 2, "layer_decay_rate": 0.5}
    make = LayerDecayOptimWrapperConstructor({"optimizer": {"type": "AdamW", "lr": 1.0}}, settings)
    theirs = build({**VIT, "with_cls_token": True}, 32, 2)
    groups = make(theirs).optimizer.param_groups
    rates = {group["group_name"]: group["lr"] for group in groups}
    assert rates["layer_0_decay"] == 0.125
    assert rates["layer_2_decay"] == 0.5
    with pytest.raises(ValueError, match=r"needs 2 blocks .*ResNet has 0"):
        make(build(RESNET, 512, 3))


def test_the_detector_imports_beside_it_and_transformers_of_today():
    """mmdet's models import mmpretrain's where they find it, and these those of text."""
    pytest.importorskip("transformers")
    code = "import bmp.detector_training, mmpretrain.models; print('works')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "works", done.stderr
