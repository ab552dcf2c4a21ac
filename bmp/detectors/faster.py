"""Detectors in fewer digits, compiled, or computed by another library."""

import torch
from torch import Tensor, nn

from bmp.backends import compile_network, run_with_openvino
from bmp.precision import fine_layers, lower_precision
from mmpose.apis.model import read_dtype


def make_faster(
    model: nn.Module,
    image: Tensor,
    *,
    dtype: str | torch.dtype = "fp32",
    compile: bool | str = False,
    backend: str = "torch",
) -> None:
    """Change how backbone and neck of an mmdet model run, and the head of RTMDet-Ins.

    Args:
        model: on its device, in evaluation mode.
        image: (1, 3, H, W), of the size that it will see.
        dtype: ``fp32`` or ``bf16``, for products; layers over fine maps, where edges are small
            differences, and those that give the answers stay in float32.
        compile: translate backbone and neck with ``torch.compile``; a text
            names its backend.
        backend: see :func:`bmp.backends.check_backend`.
    """
    names = ["backbone", "neck", *(["bbox_head"] if is_rtmdet_ins(model) else [])]
    parts = {name: part for name in names if (part := getattr(model, name, None)) is not None}
    if backend == "openvino":
        for name, part in parts.items():
            # a backbone is converted as a whole, with its first layers
            run_with_openvino(part, "fp32" if name == "backbone" else dtype)
    elif read_dtype(dtype) != torch.float32:
        keep = {"backbone": fine_layers(parts["backbone"], image)}
        if "bbox_head" in parts:
            # sides of boxes are pixels, and weights of mask networks meet positions
            keep["bbox_head"] = last_layers(parts["bbox_head"])
        for name, part in parts.items():
            lower_precision(part, image.device, dtype, keep.get(name, ()))
    for name in {"backbone", "neck"} & set(parts):
        compile_network(parts[name], compile)


def last_layers(head: nn.Module) -> list[nn.Module]:
    """The layers of an RTMDet-Ins head that give its answers."""
    layers = [*head.rtm_cls, *head.rtm_reg, *head.rtm_kernel]
    return [*dict.fromkeys(layers), head.mask_head.projection]  # levels may share one


def is_rtmdet_ins(model: nn.Module) -> bool:
    """Whether a model predicts kernels of mask networks beside its boxes."""
    return hasattr(getattr(model, "bbox_head", None), "num_gen_params")
