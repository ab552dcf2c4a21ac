"""Masks of RTMDet-Ins: tiny networks, one per person, run over shared features.

Lyu et al., "RTMDet", 2022; the networks are those of CondInst (Tian et al., 2020): three 1x1
convolutions over the features and the position relative to the person, in strides times 8.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

_RELATIVE = 8  # positions are measured in units of 8 strides


def dynamic_mask_logits(
    features: Tensor, kernels: Tensor, priors: Tensor, *, stride: int, channels: int = 8
) -> Tensor:
    """Run every person's own network over the features, all people at once.

    The first layer is linear in features and position, so all its instances are one product
    with the shared features; nothing is repeated per person before that.

    Args:
        features: (C, h, w) mask features.
        kernels: (N, D) weights of all layers, then biases of all layers.
        priors: (N, 4) the point that found the person, x and y in input pixels, and its stride
            twice.
        stride: of the features, input pixels.
        channels: width of the hidden layers.

    Returns:
        (N, h, w) mask logits.
    """
    num_people, (num_features, height, width) = kernels.shape[0], features.shape
    layers = _split_kernels(kernels, inputs=num_features + 2, channels=channels)
    x = _first_layer(features, *next(layers), priors, stride)  # (N, channels, h * w)
    for weight, bias in layers:
        x = torch.baddbmm(bias[..., None], weight, x.relu_())
    return x.view(num_people, height, width)


def _split_kernels(
    kernels: Tensor, *, inputs: int, channels: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Weights (N, out, in) and biases (N, out) layer by layer."""
    ends = channels * inputs + channels + channels + 1  # first and last layer
    hidden, rest = divmod(kernels.shape[1] - ends, channels * (channels + 1))
    if rest:
        raise ValueError(
            f"{kernels.shape[1]} kernel values do not fit layers of {channels} channels over "
            f"{inputs} inputs"
        )
    shapes = [(channels, inputs), *[(channels, channels)] * hidden, (1, channels)]
    sizes = [rows * columns for rows, columns in shapes] + [rows for rows, _ in shapes]
    parts = kernels.split(sizes, dim=1)
    weights, biases = parts[: len(shapes)], parts[len(shapes) :]
    for shape, weight, bias in zip(shapes, weights, biases, strict=True):
        yield weight.reshape(-1, *shape), bias


def _first_layer(
    features: Tensor, weight: Tensor, bias: Tensor, priors: Tensor, stride: int
) -> Tensor:
    """W_f f + W_r (p - c) / (8 s) + b, with the part that depends on c made one product."""
    num_people, channels, _ = weight.shape
    _, height, width = features.shape
    ys, xs = torch.meshgrid(
        torch.arange(height, device=features.device, dtype=features.dtype) * stride,
        torch.arange(width, device=features.device, dtype=features.dtype) * stride,
        indexing="ij",
    )
    shared = torch.cat([xs[None], ys[None], features]).flatten(1)  # (2 + C, h * w)
    relative = weight[..., :2] / (_RELATIVE * priors[:, None, 2:3])  # (N, channels, 2)
    combined = torch.cat([-relative, weight[..., 2:]], dim=2)
    offset = bias + (relative * priors[:, None, :2]).sum(2)
    x = combined.flatten(0, 1) @ shared
    return x.view(num_people, channels, height * width) + offset[..., None]
