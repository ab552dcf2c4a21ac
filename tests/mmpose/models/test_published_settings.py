"""Settings of published configs that are not in our own: each works, or is refused in words."""

import pytest
import torch

from mmpose.models import (
    CombinedTargetMSELoss,
    FeatureMapProcessor,
    HeatmapHead,
    KeypointMSELoss,
    MultiHead,
    PoseDataPreprocessor,
    VisionTransformer,
)
from mmpose.registry import MODELS


@pytest.mark.parametrize("none", [None, (), []])
@pytest.mark.parametrize("kernels", [{}, {"deconv_kernel_sizes": None}], ids=["default", "none"])
def test_a_head_without_deconvolutions_needs_no_kernels(none, kernels):
    head = HeatmapHead(8, 3, deconv_out_channels=none, conv_kernel_sizes=(3,), **kernels)
    assert head([torch.zeros(2, 8, 6, 4)]).shape == (2, 3, 6, 4)
    assert {name.split(".")[0] for name in head.state_dict()} == {"final_layer"}
    several = MultiHead(8, 3, deconv_out_channels=none, **kernels)
    assert several([torch.zeros(2, 8, 16, 12)]).heatmaps.shape == (2, 3, 16, 12)


def test_steps_still_need_one_kernel_each():
    with pytest.raises(ValueError, match=r"channels \(4, 4\) and kernels \(4, 4, 4\)"):
        HeatmapHead(8, 3, deconv_out_channels=(4, 4))
    with pytest.raises(ValueError, match=r"channels \(4,\) and kernels \(\)"):
        HeatmapHead(8, 3, conv_out_channels=(4,))


def test_combined_loss_leaves_weights_alone_unless_asked():
    # one joint of two counts: 0.5 * mean of (1, 1) without weights, of (1, 0) with them
    target, pred = torch.zeros(1, 6, 2, 2), torch.zeros(1, 6, 2, 2)
    pred[:, ::3] = 1
    weights = torch.tensor([[1.0, 0.0]])
    assert CombinedTargetMSELoss()(pred, target, weights).item() == 0.5
    asked = CombinedTargetMSELoss(use_target_weight=True)
    assert asked(pred, target, weights).item() == 0.25
    # the loss of plain maps counts weights from the start, as published
    assert KeypointMSELoss()(pred[:, :2], target[:, :2], weights).item() == 0.5


FEATURES = [
    torch.full((1, 1, 4, 4), -1.0),
    torch.full((1, 2, 2, 2), 2.0),
    torch.full((1, 3, 1, 1), 3.0),
]


@pytest.mark.parametrize(
    ("settings", "shapes", "means"),
    [
        pytest.param({}, [(3, 1, 1)], [3], id="the last"),
        pytest.param({"select_index": 0}, [(1, 4, 4)], [-1], id="the first"),
        pytest.param({"select_index": -2}, [(2, 2, 2)], [2], id="from the end"),
        pytest.param({"select_index": (2, 0)}, [(3, 1, 1), (1, 4, 4)], [3, -1], id="two"),
        pytest.param(
            # three channels of 3, one of -1 cut off: 9 / 4
            {"select_index": [2, 0], "concat": True, "apply_relu": True},
            [(4, 1, 1)],
            [9 / 4],
            id="joined at the size of the first",
        ),
        pytest.param(
            {"select_index": 1, "scale_factor": 2.0, "align_corners": True},
            [(2, 4, 4)],
            [2],
            id="enlarged",
        ),
    ],
)
def test_feature_maps_are_chosen_and_joined(settings, shapes, means):
    maps = FeatureMapProcessor(**settings)(FEATURES)
    assert [tuple(m.shape[1:]) for m in maps] == shapes
    assert [m.mean().item() for m in maps] == pytest.approx(means)


def test_a_feature_map_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"select_index \(3,\) of 3 feature maps"):
        FeatureMapProcessor(select_index=3)(FEATURES)


def test_channels_are_turned_either_way():
    crops = torch.arange(3.0).view(1, 3, 1, 1).expand(1, 3, 4, 6)
    turned = {
        name: PoseDataPreprocessor(mean=(0,) * 3, std=(1,) * 3, **options).normalise(crops)
        for name, options in {
            "default": {},
            "published": {"bgr_to_rgb": True},
            "the other way": {"rgb_to_bgr": True},
            "not": {"bgr_to_rgb": False},
        }.items()
    }
    first = {name: crop[0, :, 0, 0].tolist() for name, crop in turned.items()}
    assert first.pop("not") == [0, 1, 2]
    assert set(map(tuple, first.values())) == {(2, 1, 0)}
    with pytest.raises(ValueError, match="the same swap"):
        PoseDataPreprocessor(bgr_to_rgb=True, rgb_to_bgr=True)


def test_a_divisor_of_the_crop_changes_nothing_and_another_is_refused():
    crops = torch.rand(2, 3, 256, 192)
    padded = PoseDataPreprocessor(pad_size_divisor=32)
    assert torch.equal(padded.normalise(crops), PoseDataPreprocessor().normalise(crops))
    for divisor in (128, 7):
        with pytest.raises(ValueError, match=f"192 x 256 are no multiples of .*{divisor}"):
            PoseDataPreprocessor(pad_size_divisor=divisor).normalise(crops)
    with pytest.raises(ValueError, match="1 or more, got 0"):
        PoseDataPreprocessor(pad_size_divisor=0)


@pytest.mark.parametrize("arch", ["small", "s"])
def test_the_small_backbone_is_that_of_mmpretrain(arch):
    # a layer: qkv 3 * 768^2, proj 768^2, mlp 2 * 768 * 2304 and their biases, two norms
    with torch.device("meta"):
        backbone = VisionTransformer(arch, patch_cfg={"padding": 2})
    layer = 4 * 768**2 + 2 * 768 * 2304 + 4 * 768 + 2304 + 768 + 4 * 768
    assert len(backbone.layers) == 8
    assert sum(p.numel() for p in backbone.layers.parameters()) == 8 * layer


def test_the_older_scope_of_the_backbone_is_known():
    arch = dict(embed_dims=48, num_layers=1, num_heads=4, feedforward_channels=48)
    backbone = {"type": "mmcls.VisionTransformer", "arch": arch}
    model = MODELS.build({"type": "TopdownPoseEstimator", "backbone": backbone})
    assert isinstance(model.backbone, VisionTransformer)
