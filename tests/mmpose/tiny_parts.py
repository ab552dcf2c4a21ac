"""Configs of the smallest pose models."""

from typing import Any

SMALL_CODEC = {
    "type": "UDPHeatmap",
    "input_size": (48, 64),
    "heatmap_size": (6, 8),
    "sigma": 1,
}


def heatmap_head(in_channels: int, decoder: dict, *, steps: int, **fields: Any) -> dict:
    """A head of 17 joints whose ``steps`` layers of 8 channels double a map each."""
    return {
        "type": "HeatmapHead",
        "in_channels": in_channels,
        "out_channels": 17,
        "deconv_out_channels": (8,) * steps,
        "deconv_kernel_sizes": (4,) * steps,
        "decoder": decoder,
        **fields,
    }


def small_vitpose(num_layers: int = 1, **head: Any) -> dict:
    """A ViTPose of 8 channels for crops of 48 x 64 pixels; ``head`` has further fields of it."""
    return {
        "type": "TopdownPoseEstimator",
        "backbone": {
            "type": "VisionTransformer",
            "img_size": (64, 48),
            "arch": {
                "embed_dims": 8,
                "num_layers": num_layers,
                "num_heads": 2,
                "feedforward_channels": 16,
            },
        },
        "head": heatmap_head(8, SMALL_CODEC, steps=1, **head),
    }
