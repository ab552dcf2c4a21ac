"""What the tables of transformers' names do, worked by hand; tests/interop compares live."""

import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mmpose.engine.checkpoint import load_checkpoint, load_state_dict_file
from mmpose.engine.file_kinds import kind_of
from mmpose.engine.hugging_face import (
    convert_sam2,
    convert_vitpose,
    fit_hugging_face,
    vitpose_to_hugging_face,
)

LAYER = "backbone.encoder.layer.0."
POSITIONS = "backbone.embeddings.position_embeddings"


def vitpose(**more):
    """One layer of width 2; each tensor tells what it is."""
    attention = f"{LAYER}attention.attention."
    weights = {
        POSITIONS: torch.tensor([[[10.0, 20.0], [1.0, 2.0], [3.0, 4.0]]]),
        f"{attention}query.bias": torch.tensor([1.0, 2.0]),
        f"{attention}key.bias": torch.tensor([3.0, 4.0]),
        f"{attention}value.bias": torch.tensor([5.0, 6.0]),
        f"{LAYER}mlp.fc2.bias": torch.tensor([7.0]),
    }
    return weights | more


def test_the_class_token_s_position_is_added_to_all_others():
    positions = convert_vitpose(vitpose())["backbone.pos_embed"]
    assert positions.tolist() == [[[11, 22], [13, 24]]]


def test_queries_keys_and_values_become_one_layer_in_this_order():
    bias = convert_vitpose(vitpose())["backbone.layers.0.attn.qkv.bias"]
    assert bias.tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("expert", "last"), [("coco", 90.0), ("aic", 91.0), ("mpii", 92.0)])
def test_an_expert_is_the_last_rows_of_the_shared_layer(expert, last):
    experts = {f"{LAYER}mlp.experts.{n}.bias": torch.tensor([90.0 + n]) for n in range(3)}
    bias = convert_vitpose(vitpose(**experts), expert)["backbone.layers.0.ffn.layers.1.bias"]
    assert bias.tolist() == [7, last]


@pytest.mark.parametrize(
    ("experts", "expert", "message"),
    [
        pytest.param(0, "mpii", "plain ViTPose, it has no expert of 'mpii'", id="plain file"),
        pytest.param(2, "mpii", "has 2 experts, none of 'mpii'", id="too few"),
        pytest.param(2, "dogs", "expert must be one of", id="unknown name"),
    ],
)
def test_an_expert_that_is_not_there_is_refused(experts, expert, message):
    more = {f"{LAYER}mlp.experts.{n}.bias": torch.zeros(1) for n in range(experts)}
    with pytest.raises(ValueError, match=message):
        convert_vitpose(vitpose(**more), expert)


def test_there_and_back_is_the_same():
    ours = convert_vitpose(vitpose())
    again = convert_vitpose(vitpose_to_hugging_face(ours))
    assert again.keys() == ours.keys()
    assert all(torch.equal(again[name], value) for name, value in ours.items())


def sam2(**more):
    matrix = torch.arange(4.0).view(2, 2)
    return {
        "vision_encoder.backbone.pos_embed": torch.zeros(1),
        "vision_encoder.neck.convs.2.weight": torch.tensor([2.0]),
        "prompt_encoder.shared_embedding.positional_embedding": matrix,
        "shared_image_embedding.positional_embedding": matrix.clone(),
        "prompt_encoder.point_embed.weight": torch.tensor([[0.0], [1.0], [2.0], [3.0]]),
        "mask_decoder.iou_prediction_head.proj_in.weight": torch.tensor([0.0]),
        "mask_decoder.iou_prediction_head.layers.0.weight": torch.tensor([1.0]),
        "mask_decoder.iou_prediction_head.proj_out.weight": torch.tensor([2.0]),
        "mask_decoder.transformer.layers.1.mlp.proj_in.bias": torch.tensor([3.0]),
        "mask_decoder.transformer.layers.1.layer_norm4.bias": torch.tensor([4.0]),
        **more,
    }


def test_heads_of_three_layers_keep_their_order():
    converted = convert_sam2(sam2())
    head = "sam_mask_decoder.iou_prediction_head.layers"
    assert [converted[f"{head}.{n}.weight"].item() for n in range(3)] == [0, 1, 2]
    assert converted["sam_mask_decoder.transformer.layers.1.mlp.layers.0.bias"].item() == 3
    assert converted["sam_mask_decoder.transformer.layers.1.norm4.bias"].item() == 4
    assert converted["image_encoder.neck.convs.2.conv.weight"].item() == 2


def test_the_table_of_points_becomes_an_embedding_each():
    converted = convert_sam2(sam2())
    names = [f"sam_prompt_encoder.point_embeddings.{n}.weight" for n in range(4)]
    assert [converted[name].tolist() for name in names] == [[[0]], [[1]], [[2]], [[3]]]


@pytest.mark.parametrize("left_out", ["prompt_encoder.shared", "shared_image", None])
def test_the_positional_matrix_is_read_once_from_either_copy(left_out):
    weights = {n: v for n, v in sam2().items() if left_out is None or not n.startswith(left_out)}
    converted = convert_sam2(weights)
    name = "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    assert converted[name].tolist() == [[0, 1], [2, 3]]
    assert not any("shared" in name for name in converted)


def test_two_copies_of_the_positional_matrix_that_differ_are_refused():
    weights = sam2(**{"shared_image_embedding.positional_embedding": torch.ones(2, 2)})
    with pytest.raises(ValueError, match="stored twice, and differ"):
        convert_sam2(weights)


def test_an_image_model_s_file_leaves_the_video_memory_as_it_is():
    expected = {"memory_encoder.out_proj.weight": torch.tensor([5.0])}
    fitted = fit_hugging_face(sam2(), expected)
    assert fitted["memory_encoder.out_proj.weight"].item() == 5


def test_a_folder_in_parts_is_read_whole(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "one.safetensors")
    save_file({"b": torch.zeros(1)}, tmp_path / "two.safetensors")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert set(load_state_dict_file(tmp_path)[0]) == {"a", "b"}
    (tmp_path / "two.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks two\.safetensors"):
        load_state_dict_file(tmp_path)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["vision_encoder.backbone.x", "mask_decoder.y"], "SAM 2 of Hugging Face"),
        (["model.0.conv.weight", "model.1.conv.weight"], "YOLO"),
        (["backbone.body.conv1.weight", "roi_heads.x"], "R-CNN of torchvision"),
        (["strange.weight"], "no kind that is known here"),
        ([], "nothing"),
    ],
)
def test_a_file_is_told_by_its_names(names, kind):
    assert kind in kind_of(names)


def test_a_file_of_another_model_says_what_it_seems_to_be(tmp_path):
    save_file({"model.0.conv.weight": torch.ones(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="seems to be of a YOLO of ultralytics"):
        load_checkpoint(nn.Linear(1, 1), tmp_path / "x.safetensors")
