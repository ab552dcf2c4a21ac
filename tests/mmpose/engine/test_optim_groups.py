import pytest
from torch import nn

from mmpose.engine import LayerDecayOptimWrapperConstructor, TwoGroupOptimWrapperConstructor
from mmpose.engine.optim_wrappers.layer_decay_optim_wrapper import get_layer_id

OPTIMIZER = {"type": "AdamW", "lr": 1e-3, "weight_decay": 0.1}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("backbone.pos_embed", 0),
        ("backbone.patch_embed.projection.weight", 0),
        ("backbone.layers.0.ln1.weight", 1),
        ("backbone.layers.11.ffn.layers.1.bias", 12),
        ("backbone.ln1.weight", 13),
        ("head.final_layer.weight", 13),
    ],
)
def test_depth_of_a_parameter(name, expected):
    assert get_layer_id(name, num_layers=12) == expected


def make_vit_like():
    model = nn.Module()
    model.backbone = nn.Module()
    model.backbone.patch_embed = nn.Linear(2, 2)
    model.backbone.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(12))
    model.backbone.ln1 = nn.LayerNorm(2)
    model.head = nn.Linear(2, 2)
    return model


def test_learning_rates_decay_towards_the_input():
    constructor = LayerDecayOptimWrapperConstructor(
        {"optimizer": OPTIMIZER}, {"num_layers": 12, "layer_decay_rate": 0.75}
    )
    groups = constructor(make_vit_like()).optimizer.param_groups
    rates = {group["group_name"]: group["lr"] for group in groups}
    assert len(groups) == 28
    # published ViT-B: 1e-3 * 0.75^13, 0.75^12, 0.75, 1
    assert rates["layer_0_decay"] == pytest.approx(2.37573e-5, rel=1e-5)
    assert rates["layer_1_decay"] == pytest.approx(3.16764e-5, rel=1e-5)
    assert rates["layer_12_no_decay"] == pytest.approx(7.5e-4)
    assert rates["layer_13_decay"] == pytest.approx(1e-3)
    decays = {group["weight_decay"] for group in groups if "no_decay" in group["group_name"]}
    assert decays == {0.0}


def test_without_weight_decay_in_the_config_that_of_the_optimiser_holds():
    constructor = LayerDecayOptimWrapperConstructor(
        {"optimizer": {"type": "AdamW", "lr": 1e-3}}, {"num_layers": 12, "layer_decay_rate": 0.75}
    )
    groups = constructor(make_vit_like()).optimizer.param_groups
    decays = {g["group_name"]: g["weight_decay"] for g in groups}
    assert decays["layer_13_decay"] == 0.01  # torch's default for AdamW
    assert decays["layer_13_no_decay"] == 0.0


def test_learning_rates_by_depth_need_one_to_start_from():
    with pytest.raises(ValueError, match="names no lr"):
        LayerDecayOptimWrapperConstructor(
            {"optimizer": {"type": "AdamW"}}, {"num_layers": 12, "layer_decay_rate": 0.75}
        )


def test_vectors_are_not_decayed():
    model = make_vit_like()
    model.head.requires_grad_(False)
    wrapper = TwoGroupOptimWrapperConstructor({"optimizer": OPTIMIZER})(model)
    groups = wrapper.optimizer.param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert [len(group["params"]) for group in groups] == [13, 15]


def without_blocks(model):
    model.backbone.stages = model.backbone.layers
    del model.backbone.layers
    return model


@pytest.mark.parametrize(
    ("change", "num_layers", "reason"),
    [
        pytest.param(without_blocks, 12, "needs 12 blocks .*, Module has 0", id="another backbone"),
        pytest.param(lambda model: model, 24, "needs 24 blocks .*, Module has 12", id="too many"),
        pytest.param(lambda model: model, 8, "needs 8 blocks .*, Module has 12", id="too few"),
    ],
)
def test_layer_decay_wants_the_blocks_it_counts(change, num_layers, reason):
    settings = {"num_layers": num_layers, "layer_decay_rate": 0.75}
    constructor = build(LayerDecayOptimWrapperConstructor, settings)
    with pytest.raises(ValueError, match=reason):
        constructor(change(make_vit_like()))


def build(constructor, paramwise_cfg):
    return constructor({"optimizer": OPTIMIZER}, paramwise_cfg)


def test_custom_keys_of_published_configs_ask_for_what_is_done_anyway():
    published = {"bias": {"decay_multi": 0.0}, "norm": {"decay_mult": 0.0}}
    settings = {"num_layers": 12, "layer_decay_rate": 0.75}
    with_keys = build(LayerDecayOptimWrapperConstructor, settings | {"custom_keys": published})
    plain = build(LayerDecayOptimWrapperConstructor, settings)
    model = make_vit_like()
    groups = [make(model).optimizer.param_groups for make in (with_keys, plain)]
    assert [g["weight_decay"] for g in groups[0]] == [g["weight_decay"] for g in groups[1]]


@pytest.mark.parametrize(
    ("constructor", "settings", "reason"),
    [
        (LayerDecayOptimWrapperConstructor, {"num_layers": 12}, r"missing \['layer_decay_rate'\]"),
        (
            LayerDecayOptimWrapperConstructor,
            {"num_layers": 12, "layer_decay_rate": 0.75, "bias_lr_mult": 2},
            r"unknown \['bias_lr_mult'\]",
        ),
        (
            LayerDecayOptimWrapperConstructor,
            {"num_layers": 12, "layer_decay_rate": 0.75, "custom_keys": {"head": {"lr_mult": 10}}},
            r"custom_keys 'head': \{'lr_mult': 10\} is not followed",
        ),
        (TwoGroupOptimWrapperConstructor, {"norm_decay_mult": 0}, "has no settings"),
    ],
)
def test_settings_that_would_be_ignored_are_refused(constructor, settings, reason):
    with pytest.raises(ValueError, match=reason):
        build(constructor, settings)
