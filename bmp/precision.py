"""In which numbers the networks of detector and segmenter run; all else stays in float32."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from mmpose.apis.model import read_dtype


def network_precision(
    device: torch.device, dtype: str | torch.dtype
) -> Callable[[], torch.autocast]:
    """Makes the context that a network runs in.

    Args:
        device: where it runs.
        dtype: ``fp32`` or ``bf16``, for its matrix products; weights stay float32.

    Raises:
        ValueError: another dtype.
    """
    chosen = read_dtype(dtype)
    return partial(torch.autocast, device.type, chosen, enabled=chosen != torch.float32)


def lower_precision(
    module: nn.Module,
    device: torch.device,
    dtype: str | torch.dtype,
    keep: Iterable[nn.Module] = (),
) -> None:
    """Let a module run in ``dtype`` and answer in float32, whatever calls it.

    Args:
        module: as it is on its device.
        device: where it lies.
        dtype: see :func:`network_precision`; with ``fp32`` nothing changes.
        keep: layers of it that stay in float32.
    """
    if read_dtype(dtype) == torch.float32:
        return
    for layer in keep:
        _run_within(layer, network_precision(device, torch.float32))
    # bfloat16 convolutions are up to 1.3 times as fast so, on CPUs and on tensor cores
    module.to(memory_format=torch.channels_last)
    _run_within(module, network_precision(device, dtype))


def fine_layers(backbone: nn.Module, images: Tensor) -> list[nn.Module]:
    """Convolutions of a backbone over maps finer than an eighth of the image.

    Edges are small differences of large levels there, and bfloat16 keeps seven binary digits
    behind the first. What is lost in the first layers is lost to all others: of the error that
    the small detector's backbone makes in bfloat16, nearly all comes from them.

    Args:
        backbone: called with images.
        images: (B, 3, H, W), to see how its maps shrink.
    """
    found: dict[nn.Module, None] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if inputs[0].shape[-1] * 8 > images.shape[-1]:
            found[layer] = None

    layers = [layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    with torch.no_grad():
        backbone(images)
    for hook in hooks:
        hook.remove()
    return list(found)


def _run_within(module: nn.Module, context: Callable[[], torch.autocast]) -> None:
    """Give a module float32 inputs and the context, and its answers back in float32."""
    # no closure: a copy of the module would run the weights of the first one
    module.forward = partial(_forward_within, module.forward, context)


def _forward_within(
    run: Callable, context: Callable[[], torch.autocast], *args: Any, **kwargs: Any
) -> Any:
    args, kwargs = tree_map(_as_float32, (args, kwargs))
    with context():
        return tree_map(_as_float32, run(*args, **kwargs))


def _as_float32(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value
