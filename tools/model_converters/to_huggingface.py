"""Write a ViTPose of ours as a folder that Hugging Face transformers loads.

    python tools/model_converters/to_huggingface.py \
        configs/vitpose/td-hm_ViTPose-small-simple_8xb64-210e_coco-256x192.py WEIGHTS OUT_FOLDER

There, `AutoModelForPoseEstimation.from_pretrained("OUT_FOLDER")` gives equal heatmaps. Decoding
differs: transformers blurs with sigma 0.8. A model that sees masks is posed with the plain crop.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from torch import nn

from mmpose.apis import init_model
from mmpose.engine.checkpoint import save_weights
from mmpose.engine.hugging_face import vitpose_to_hugging_face
from mmpose.engine.tools import run_tool
from mmpose.errors import check_writable
from mmpose.files import write_json
from mmpose.models.backbones import VisionTransformer
from mmpose.models.heads import HeatmapHead

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, of values in [0, 1]


def check_is_theirs(model: nn.Module) -> None:
    """Refuse a model whose layers transformers' ViTPose does not have.

    Raises:
        ValueError: saying what it has and what there is.
    """
    backbone, head = model.backbone, model.head
    if not isinstance(backbone, VisionTransformer) or type(head) is not HeatmapHead:
        raise ValueError(
            f"transformers has ViTPose alone: expected VisionTransformer and HeatmapHead, got "
            f"{type(backbone).__name__} and {type(head).__name__}"
        )
    widths = deconvolution_widths(head)
    if widths and (widths != [256, 256] or head.final_layer.kernel_size != (1, 1)):
        raise ValueError(
            "transformers' decoder has two deconvolutions to 256 channels and a convolution of 1, "
            f"the model has {widths} and {head.final_layer.kernel_size}"
        )
    padding = backbone.patch_embed.projection.padding[0]
    hidden = backbone.layers[0].ffn.layers[1].in_features
    if padding != 2 or hidden % backbone.embed_dims:
        raise ValueError(
            "transformers pads patches by 2 pixels and has a whole multiple of the width inside "
            f"layers; the model pads by {padding} and has {hidden} of {backbone.embed_dims}"
        )


def deconvolution_widths(head: HeatmapHead) -> list[int]:
    """Channels that each transposed convolution of a head gives; none in the simple decoder."""
    return [
        part.out_channels for part in head.deconv_layers if isinstance(part, nn.ConvTranspose2d)
    ]


def describe(model: nn.Module) -> dict[str, Any]:
    """``config.json`` of transformers' ViTPose for a model of ours.

    Raises:
        ValueError: see :func:`check_is_theirs`.
    """
    check_is_theirs(model)
    backbone, head = model.backbone, model.head
    layer = backbone.layers[0]
    patch = backbone.patch_embed.projection.kernel_size[0]
    depth, hidden = len(backbone.layers), layer.ffn.layers[1].in_features
    return {
        "architectures": ["VitPoseForPoseEstimation"],
        "model_type": "vitpose",
        "backbone_config": {
            "model_type": "vitpose_backbone",
            "image_size": [side * patch for side in backbone.grid],
            "patch_size": [patch, patch],
            "num_channels": 3,
            "num_experts": 1,
            "part_features": 0,
            "hidden_size": backbone.embed_dims,
            "num_hidden_layers": depth,
            "num_attention_heads": layer.attn.num_heads,
            "intermediate_size": hidden,
            "mlp_ratio": hidden // backbone.embed_dims,
            "qkv_bias": layer.attn.qkv.bias is not None,
            "layer_norm_eps": layer.ln1.eps,
            "out_features": [f"stage{depth}"],
            "out_indices": [depth],
        },
        "use_simple_decoder": not deconvolution_widths(head),
        "scale_factor": 4,
        "id2label": {str(joint): f"joint_{joint}" for joint in range(head.num_keypoints)},
        "dtype": "float32",
    }


def write_folder(model: nn.Module, folder: str | Path) -> None:
    """Write ``config.json``, ``preprocessor_config.json`` and ``model.safetensors``.

    Args:
        model: a ``TopdownPoseEstimator`` with a ViTPose.
        folder: made where it is missing.

    Raises:
        ValueError: see :func:`describe`.
    """
    config, folder = describe(model), Path(folder)
    height, width = config["backbone_config"]["image_size"]
    folder.mkdir(parents=True, exist_ok=True)
    weights = vitpose_to_hugging_face(model.state_dict())
    save_weights(weights, folder / "model.safetensors", {"format": "pt"}, bits=32)
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "VitPoseImageProcessor",
            "do_affine_transform": True,
            "do_normalize": True,
            "do_rescale": True,
            "image_mean": MEAN,
            "image_std": STD,
            "normalize_factor": 200.0,
            "rescale_factor": 1 / 255,
            "size": {"height": height, "width": width},
        },
    )
    write_json(folder / "config.json", config)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="of a ViTPose")
    parser.add_argument("checkpoint", help="its weights")
    parser.add_argument("out", help="folder to write")
    args = parser.parse_args()
    check_writable(args.out, "the argument OUT")
    write_folder(init_model(args.config, args.checkpoint), args.out)
    print(json.dumps({"folder": args.out}))


if __name__ == "__main__":
    run_tool(main)
