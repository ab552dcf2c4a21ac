"""Weights of Hugging Face transformers' ViTPose and SAM 2 under the names of this project.

The tables were made from transformers 5.24; both ways keep every number, so the outputs agree.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
from mmengine.logging import print_log
from torch import Tensor

from .old_layouts import TASKS

# beginnings of names, theirs and ours; N stands for the number of a layer
_VITPOSE = (
    ("backbone.embeddings.position_embeddings", "backbone.pos_embed"),
    ("backbone.embeddings.patch_embeddings.projection.", "backbone.patch_embed.projection."),
    ("backbone.encoder.layer.N.attention.output.dense.", "backbone.layers.N.attn.proj."),
    ("backbone.encoder.layer.N.layernorm_before.", "backbone.layers.N.ln1."),
    ("backbone.encoder.layer.N.layernorm_after.", "backbone.layers.N.ln2."),
    ("backbone.encoder.layer.N.mlp.fc1.", "backbone.layers.N.ffn.layers.0.0."),
    ("backbone.encoder.layer.N.mlp.fc2.", "backbone.layers.N.ffn.layers.1."),
    ("backbone.layernorm.", "backbone.ln1."),
    ("head.conv.", "head.final_layer."),
    ("head.deconv1.", "head.deconv_layers.0."),
    ("head.batchnorm1.", "head.deconv_layers.1."),
    ("head.deconv2.", "head.deconv_layers.3."),
    ("head.batchnorm2.", "head.deconv_layers.4."),
)


def _rules(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Pairs of beginnings as patterns and what they become."""
    return tuple(
        ("^" + re.escape(old).replace("N", r"(\d+)"), new.replace("N", r"\1")) for old, new in pairs
    )


_TO_OURS = _rules(_VITPOSE)
_TO_THEIRS = _rules((ours, theirs) for theirs, ours in _VITPOSE)
_QKV = re.compile(
    r"^backbone\.encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(weight|bias)$"
)
_EXPERT = re.compile(r"^(backbone\.encoder\.layer\.\d+\.mlp)\.experts\.(\d+)\.(weight|bias)$")
_THREE_LAYERS = r"(output_hypernetworks_mlps\.\d+|\w+_head|obj_ptr_proj)"
_SAM2 = (
    (r"^vision_encoder\.backbone\.", "image_encoder.trunk."),
    (r"^vision_encoder\.neck\.convs\.(\d+)\.", r"image_encoder.neck.convs.\1.conv."),
    (r"patch_embed\.projection\.", "patch_embed.proj."),
    (
        r"^prompt_encoder\.shared_embedding\.positional_embedding$",
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    ),
    (r"^prompt_encoder\.mask_embed\.conv1\.", "sam_prompt_encoder.mask_downscaling.0."),
    (r"^prompt_encoder\.mask_embed\.layer_norm1\.", "sam_prompt_encoder.mask_downscaling.1."),
    (r"^prompt_encoder\.mask_embed\.conv2\.", "sam_prompt_encoder.mask_downscaling.3."),
    (r"^prompt_encoder\.mask_embed\.layer_norm2\.", "sam_prompt_encoder.mask_downscaling.4."),
    (r"^prompt_encoder\.mask_embed\.conv3\.", "sam_prompt_encoder.mask_downscaling.6."),
    (r"^prompt_encoder\.", "sam_prompt_encoder."),
    (r"^mask_decoder\.upscale_conv1\.", "sam_mask_decoder.output_upscaling.0."),
    (r"^mask_decoder\.upscale_layer_norm\.", "sam_mask_decoder.output_upscaling.1."),
    (r"^mask_decoder\.upscale_conv2\.", "sam_mask_decoder.output_upscaling.3."),
    (r"^mask_decoder\.", "sam_mask_decoder."),
    (r"\.layer_norm_final_attn\.", ".norm_final_attn."),
    (r"^object_pointer_proj\.", "obj_ptr_proj."),
    (r"^temporal_positional_encoding_projection_layer\.", "obj_ptr_tpos_proj."),
    (r"^no_memory_embedding$", "no_mem_embed"),
    (r"^no_memory_positional_encoding$", "no_mem_pos_enc"),
    (r"^memory_temporal_positional_encoding$", "maskmem_tpos_enc"),
    (r"^no_object_pointer$", "no_obj_ptr"),
    (r"^occlusion_spatial_embedding_parameter$", "no_obj_embed_spatial"),
    (r"^memory_encoder\.feature_projection\.", "memory_encoder.pix_feat_proj."),
    (r"^memory_encoder\.projection\.", "memory_encoder.out_proj."),
    (r"^memory_encoder\.memory_fuser\.", "memory_encoder.fuser."),
    (r"^(memory_encoder\.mask_downsampler)\.final_conv\.", r"\1.encoder.12."),
    (r"\.depthwise_conv\.", ".dwconv."),
    (r"\.pointwise_conv(\d)\.", r".pwconv\1."),
    (r"(fuser\.layers\.\d+)\.scale$", r"\1.gamma"),
    (r"\.o_proj\.", ".out_proj."),
    # the middle layer first: renamed to layers.1 it must not be taken for it again
    (rf"{_THREE_LAYERS}\.layers\.0\.", r"\1.layers.1."),
    (rf"{_THREE_LAYERS}\.proj_out\.", r"\1.layers.2."),
    (rf"{_THREE_LAYERS}\.proj_in\.", r"\1.layers.0."),
    (r"\.mlp\.proj_in\.", ".mlp.layers.0."),
    (r"\.mlp\.proj_out\.", ".mlp.layers.1."),
)
_DOWNSAMPLER = re.compile(
    r"^(memory_encoder\.mask_downsampler)\.layers\.(\d+)\.(conv|layer_norm)\."
)
_POINTS = "prompt_encoder.point_embed.weight"
_SHARED = "shared_image_embedding.positional_embedding"
_POSITIONS = "prompt_encoder.shared_embedding.positional_embedding"
# of the video memory, which images never use
_MEMORY = re.compile(r"^(sam\.)?(memory_|maskmem_|no_mem_pos|no_obj_|obj_ptr_|mask_downsample\.)")


def is_vitpose(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether weights carry the names of transformers' ``VitPoseForPoseEstimation``."""
    return any(name.startswith("backbone.encoder.layer.") for name in state_dict)


def is_sam2(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether weights carry the names of transformers' ``Sam2Model`` or ``Sam2VideoModel``."""
    return any(name.startswith("vision_encoder.backbone.") for name in state_dict) and any(
        name.startswith("mask_decoder.") for name in state_dict
    )


def convert_vitpose(state_dict: Mapping[str, Tensor], expert: str = "coco") -> dict[str, Tensor]:
    """Rename the weights of transformers' ViTPose or ViTPose+.

    Args:
        state_dict: as in the file; left as it is.
        expert: which expert of ViTPose+ to take, a key of :data:`.old_layouts.TASKS`.

    Returns:
        Weights of a ``TopdownPoseEstimator``. The position of the class token, which that model
        adds to every other, is added; queries, keys and values are one layer, in this order.

    Raises:
        ValueError: the file has no expert of that name.
    """
    weights = _take_expert(dict(state_dict), expert)
    joined: dict[str, dict[str, Tensor]] = {}
    converted = {}
    for name, value in weights.items():
        part = _QKV.match(name)
        if part:
            target = f"backbone.layers.{part[1]}.attn.qkv.{part[3]}"
            joined.setdefault(target, {})[part[2]] = value
        else:
            converted[_renamed(name, _TO_OURS)] = value
    for target, parts in joined.items():
        converted[target] = torch.cat([parts[key] for key in ("query", "key", "value")])
    positions = converted["backbone.pos_embed"]
    converted["backbone.pos_embed"] = positions[:, 1:] + positions[:, :1]
    return converted


def vitpose_to_hugging_face(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The other way: weights of a ViTPose of ours under transformers' names.

    Args:
        state_dict: of a ``TopdownPoseEstimator`` with a ``VisionTransformer``.

    Returns:
        The weights; the class token's position is 0, as ours is in every other already.
    """
    weights: dict[str, Tensor] = {}
    for name, value in state_dict.items():
        qkv = re.match(r"^backbone\.layers\.(\d+)\.attn\.qkv\.(weight|bias)$", name)
        if qkv:
            place = f"backbone.encoder.layer.{qkv[1]}.attention.attention"
            for part, third in zip(("query", "key", "value"), value.chunk(3), strict=True):
                weights[f"{place}.{part}.{qkv[2]}"] = third
        else:
            weights[_renamed(name, _TO_THEIRS)] = value
    key = "backbone.embeddings.position_embeddings"
    weights[key] = torch.cat([torch.zeros_like(weights[key][:, :1]), weights[key]], 1)
    return weights


def convert_sam2(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of transformers' SAM 2 or 2.1, of images or of videos.

    Args:
        state_dict: as in the file; left as it is.

    Returns:
        Weights with SAM 2's own names. A file of the image model has none of the video memory.

    Raises:
        ValueError: the two copies of the positional matrix differ.
    """
    weights = dict(state_dict)
    shared, points = weights.pop(_SHARED, None), weights.pop(_POINTS, None)
    # transformers ties them, so a file may hold either or both
    if shared is not None and not torch.equal(shared, weights.setdefault(_POSITIONS, shared)):
        raise ValueError(
            f"{_SHARED} and {_POSITIONS} must be the same matrix, stored twice, and differ; the "
            "file was changed after transformers wrote it"
        )
    converted = {}
    for name, value in weights.items():
        step = _DOWNSAMPLER.match(name)
        if step:  # a convolution, a norm and an activation each
            place = 3 * int(step[2]) + (step[3] == "layer_norm")
            name = _DOWNSAMPLER.sub(rf"\1.encoder.{place}.", name)
        name = _renamed(name, _SAM2)
        # norm of the blocks, the decoder, the memory and its fuser
        if not name.startswith(("sam_prompt_encoder.", "image_encoder.neck.")):
            name = re.sub(r"\.?\blayer_norm(\d?)\.", r".norm\1.", name)
        converted[name] = value
    if points is not None:  # one table there, an embedding each here
        for kind, row in enumerate(points):
            converted[f"sam_prompt_encoder.point_embeddings.{kind}.weight"] = row[None].clone()
    return converted


class _Layout(NamedTuple):
    """A kind of file: how to tell it, what to call it, how to rename it."""

    is_it: Callable[[Mapping[str, Tensor]], bool]
    title: str
    convert: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


_LAYOUTS = (
    _Layout(is_vitpose, "ViTPose", convert_vitpose),
    _Layout(is_sam2, "SAM 2", convert_sam2),
)


def fit_hugging_face(
    state_dict: dict[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Weights with our names where they come with transformers', else as they are.

    Args:
        state_dict: as in the file.
        expected: weights of the model. Those of its video memory are kept where a file of SAM 2's
            image model has none: images never use them.
    """
    layout = next((layout for layout in _LAYOUTS if layout.is_it(state_dict)), None)
    if layout is None:
        return state_dict
    converted = layout.convert(state_dict)
    text = f"renamed the weights of a {layout.title} of Hugging Face transformers"
    if layout.convert is convert_sam2:
        converted, change = _fit_memory(converted, expected)
        text += change
    print_log(text, logger="current", level=logging.INFO)
    return converted


def _fit_memory(
    converted: dict[str, Tensor], expected: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], str]:
    """The weights with as much of the video memory as the model has, and a word about it."""
    memory = {n.removeprefix("sam."): v for n, v in expected.items() if _MEMORY.match(n)}
    shapes = {name: value.shape for name, value in converted.items()}
    # also of another shape: a model without memory keeps two unused tensors of its own
    missing = {n: value for n, value in memory.items() if shapes.get(n) != value.shape}
    left_out = {n for n in converted if _MEMORY.match(n) and n not in memory}
    kept = {n: value for n, value in converted.items() if n not in left_out}
    if left_out:
        word = f"; {len(left_out)} weights of its video memory, unused on images, are left out"
    elif missing:
        word = f"; it lacks {len(missing)} weights of the video memory, unused on images"
    else:
        word = ""
    return kept | missing, word


def _renamed(name: str, table: tuple[tuple[str, str], ...]) -> str:
    for old, new in table:
        name = re.sub(old, new, name)
    return name


def _take_expert(weights: dict[str, Tensor], expert: str) -> dict[str, Tensor]:
    """One expert of ViTPose+ joined to the rows that all share."""
    if expert not in TASKS:
        raise ValueError(f"expert must be one of {list(TASKS)}, got {expert!r}")
    experts = {name: match for name in weights if (match := _EXPERT.match(name))}
    number = list(TASKS).index(expert)
    stored = {int(match[2]) for match in experts.values()}
    if experts and number not in stored:
        raise ValueError(f"the file has {len(stored)} experts, none of {expert!r} ({number})")
    if not experts and expert != "coco":
        raise ValueError(f"the file is of a plain ViTPose, it has no expert of {expert!r}")
    for name, match in experts.items():
        value = weights.pop(name)
        if int(match[2]) == number:
            shared = f"{match[1]}.fc2.{match[3]}"
            weights[shared] = torch.cat([weights[shared], value])
    return weights
