"""Files of older code, made here from the key tables of their layouts, load into today's models."""

import pytest
import torch

import mmpose.codecs
import mmpose.models  # noqa: F401 - registers
from mmpose.engine.checkpoint import load_checkpoint
from mmpose.engine.old_layouts import convert_vitpose
from mmpose.registry import MODELS

DIMS, HIDDEN, PART, TOKENS = 16, 64, 4, 12
# today's name -> the name in official ViTPose files
OFFICIAL = {
    "backbone.patch_embed.projection": "backbone.patch_embed.proj",
    "backbone.ln1": "backbone.last_norm",
    **{
        f"backbone.layers.{i}.ln{n}": f"backbone.blocks.{i}.norm{n}" for i in (0, 1) for n in (1, 2)
    },
    **{
        f"backbone.layers.{i}.attn.{n}": f"backbone.blocks.{i}.attn.{n}"
        for i in (0, 1)
        for n in ("qkv", "proj")
    },
    **{f"backbone.layers.{i}.ffn.layers.0.0": f"backbone.blocks.{i}.mlp.fc1" for i in (0, 1)},
    **{f"backbone.layers.{i}.ffn.layers.1": f"backbone.blocks.{i}.mlp.fc2" for i in (0, 1)},
    "head.deconv_layers.0": "keypoint_head.deconv_layers.0",
    "head.deconv_layers.1": "keypoint_head.deconv_layers.1",
    "head.final_layer": "keypoint_head.final_layer",
}


def build(num_keypoints=17, **head):
    torch.manual_seed(num_keypoints)
    model = MODELS.build(
        {
            "type": "TopdownPoseEstimator",
            "backbone": {
                "type": "VisionTransformer",
                "arch": {
                    "embed_dims": DIMS,
                    "num_layers": 2,
                    "num_heads": 2,
                    "feedforward_channels": HIDDEN,
                },
                "img_size": (64, 48),
                "patch_cfg": {"padding": 2},
            },
            "head": {
                "type": "HeatmapHead",
                "in_channels": DIMS,
                "out_channels": num_keypoints,
                "deconv_out_channels": (8,),
                "deconv_kernel_sizes": (4,),
                **head,
            },
        }
    )
    return model.eval()


def official_weights(model):
    """The weights of a model as an official ViTPose file would hold them."""
    weights = {}
    for name, value in model.state_dict().items():
        if name != "backbone.pos_embed":
            layer, _, leaf = name.rpartition(".")
            weights[f"{OFFICIAL[layer]}.{leaf}"] = value
    # every token's position has that of the class token added in the forward pass
    first = torch.randn(1, 1, DIMS)
    rest = model.state_dict()["backbone.pos_embed"] - first
    weights["backbone.pos_embed"] = torch.cat([first, rest], 1)
    return weights


def save(weights, path):
    torch.save({"state_dict": weights}, path / "old.pth")
    return path / "old.pth"


def assert_same_weights(model, expected):
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, msg=name)


def test_official_vitpose_files_load(tmp_path):
    source = build()
    target = build()
    torch.nn.init.ones_(target.head.final_layer.weight)
    load_checkpoint(target, save(official_weights(source), tmp_path))
    assert_same_weights(target, source)
    crops = torch.randn(2, 3, 64, 48)
    torch.testing.assert_close(target(crops), source(crops))


def plus_weights(sources):
    """A ViTPose+ file: six models that share all but a part of fc2 and the head."""
    weights = official_weights(sources["coco"])
    for number, source in enumerate(sources.values()):
        for i in range(2):
            fc2 = f"backbone.blocks.{i}.mlp"
            for leaf in ("weight", "bias"):
                whole = official_weights(source)[f"{fc2}.fc2.{leaf}"]
                weights[f"{fc2}.experts.{number}.{leaf}"] = whole[DIMS - PART :]
                weights[f"{fc2}.fc2.{leaf}"] = whole[: DIMS - PART]
        if number > 0:
            head = source.head.state_dict()
            weights |= {f"associate_keypoint_heads.{number - 1}.{k}": v for k, v in head.items()}
    return weights


@pytest.fixture(scope="module")
def plus():
    joints = {"coco": 17, "aic": 14, "mpii": 16, "ap10k": 17, "apt36k": 17, "wholebody": 133}
    sources = {task: build(number) for task, number in joints.items()}
    shared = sources["coco"].backbone.state_dict()
    for seed, source in enumerate(sources.values()):
        torch.manual_seed(seed)
        own = {name: value.clone() for name, value in shared.items()}
        for i in range(2):
            for leaf in ("weight", "bias"):
                own[f"layers.{i}.ffn.layers.1.{leaf}"][DIMS - PART :].normal_()
        source.backbone.load_state_dict(own)
        torch.nn.init.normal_(source.head.final_layer.weight)
    return sources, plus_weights(sources)


@pytest.mark.parametrize("task", ["coco", "aic", "mpii", "wholebody"])
def test_the_number_of_joints_chooses_the_expert(task, plus, tmp_path):
    sources, weights = plus
    target = build(sources[task].head.out_channels)
    load_checkpoint(target, save(weights, tmp_path))
    assert_same_weights(target, sources[task])


def test_experts_of_animals_are_taken_by_name(plus):
    sources, weights = plus
    for task in ("ap10k", "apt36k"):
        target = build(17)
        target.load_state_dict(convert_vitpose(weights, task))
        assert_same_weights(target, sources[task])
    with pytest.raises(ValueError, match="task must be one of"):
        convert_vitpose(weights, "crowdpose")
    with pytest.raises(ValueError, match="of one task alone"):
        convert_vitpose(official_weights(sources["coco"]), "aic")


def test_other_joints_start_from_the_backbone_of_coco(plus, tmp_path):
    sources, weights = plus
    target = build(23)
    before = target.head.final_layer.weight.clone()
    path = save(weights, tmp_path)
    with pytest.raises(ValueError, match=r"2 of another shape.*\n.*head\.final_layer"):
        load_checkpoint(target, path)
    load_checkpoint(target, path, allow_missing=["head.final_layer.*"])
    assert torch.equal(target.head.final_layer.weight, before)
    weights = sources["coco"].backbone.state_dict()
    assert torch.equal(
        target.backbone.layers[1].ffn.layers[1].weight, weights["layers.1.ffn.layers.1.weight"]
    )


@pytest.mark.parametrize("head_type", ["HeatmapHead", "ProbMapHead"])
def test_heads_of_mmpose_before_1_load(head_type, tmp_path):
    settings = {"type": head_type, "conv_out_channels": (8,), "conv_kernel_sizes": (3,)}
    source, target = build(**settings), build(**settings)
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter)
    weights = {}
    for name, value in source.state_dict().items():
        name = name.replace("head.conv_layers.", "keypoint_head.final_layer.")
        name = name.replace("head.final_layer.weight", "keypoint_head.final_layer.3.weight")
        name = name.replace("head.final_layer.bias", "keypoint_head.final_layer.3.bias")
        weights[name] = value
    assert sum("final_layer" in name for name in weights) == 9
    load_checkpoint(target, save(weights, tmp_path))
    assert_same_weights(target, source)


def test_a_probpose_file_loads_into_the_head_under_either_name(tmp_path):
    """The published tables give both heads the same names."""
    source, target = build(type="ProbMapHead"), build(type="MultiHead")
    names = source.state_dict().keys()
    branches = ("probability", "visibility", "oks", "error")
    for branch in branches:
        convolutions = [
            n for n in names if n.startswith(f"head.{branch}_layers.") and "weight" in n
        ]
        numbers = sorted(int(n.split(".")[2]) for n in convolutions)
        assert numbers == [0, 1, 4, 5, 8, 9, 12]
    load_checkpoint(target, save(source.state_dict(), tmp_path))
    assert_same_weights(target, source)
