"""Whether backbone, neck and head fit each other, found out when a model is built."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mmpose.models.heads import PerDatasetHead

USUAL_SIZE = (192, 256)
"""(w, h) of crops where no decoder tells it."""


def check_fit(backbone: nn.Module, neck: nn.Module | None, head: nn.Module | None) -> None:
    """Refuse a neck or head that cannot take what the part before it gives.

    Our backbones tell their channels. Those of others are tried on PyTorch's meta device, where
    shapes are worked out and nothing is computed; what does not run there is not checked.

    Args:
        backbone: crops (B, 3, H, W) to maps (B, C, h, w), a tuple of them or one.
        neck: maps to maps.
        head: takes the last map, whose C are its ``in_channels``.

    Raises:
        ValueError: saying what comes, what is expected, and the fix.
    """
    channels = getattr(backbone, "out_channels", None)
    # a tuple is ours: numbers and lists of that name mean other things in other packages
    if isinstance(channels, tuple):
        channels = _behind(neck, channels)
        if channels is not None:
            _check_channels(channels[-1], "backbone" if neck is None else "neck", head)
    else:
        _try_shapes(backbone, neck, head)


def _behind(neck: nn.Module | None, channels: Sequence[int]) -> Sequence[int] | None:
    """Channels that a head meets; None where the neck does not tell."""
    if neck is None:
        return channels
    return neck.map_channels(channels) if hasattr(neck, "map_channels") else None


def _heads(head: nn.Module | None) -> list[nn.Module]:
    if head is None:
        return []
    return list(head.heads) if isinstance(head, PerDatasetHead) else [head]


def _check_channels(channels: int, source: str, head: nn.Module | None) -> None:
    for single in _heads(head):
        wanted = getattr(single, "in_channels", None)
        if isinstance(wanted, int) and wanted != channels:
            raise ValueError(
                f"the last map of the {source} has {channels} channels, {type(single).__name__} "
                f"expects {wanted}; set in_channels={channels} of the head, or choose another "
                f"map by out_indices of the backbone"
            )


def _try_shapes(backbone: nn.Module, neck: nn.Module | None, head: nn.Module | None) -> None:
    size = getattr(getattr(head, "decoder", None), "input_size", None)
    width, height = size or USUAL_SIZE
    crops = torch.empty(2, 3, height, width, device="meta")
    maps = _run(backbone, crops, f"crops of {width} x {height} (w, h)", is_sure=size is not None)
    if maps is None:
        return
    maps = _check_maps(maps, backbone)
    if neck is not None:
        _behind(neck, [m.shape[1] for m in maps])
        maps = _run(neck, maps, _told(maps))
        if maps is None:
            return
        maps = _check_maps(maps, neck)
    _check_channels(maps[-1].shape[1], "backbone" if neck is None else "neck", head)
    for single in _heads(head):
        _check_size(_run(single, maps, _told(maps)), single)


def _run(
    part: nn.Module, inputs: Tensor | Sequence[Tensor], told: str, *, is_sure: bool = True
) -> object | None:
    """What a part answers on the meta device, None where that cannot be known."""
    tensors = (*part.named_parameters(), *part.named_buffers())
    modes = [(module, module.training) for module in part.modules()]
    try:
        # as in an evaluation: in a training of several processes SyncBatchNorm refuses that device
        part.eval()
        with torch.no_grad():
            return functional_call(part, {n: t.to("meta") for n, t in tensors}, (inputs,))
    except (AssertionError, ValueError, RuntimeError) as error:
        # the second asks for numbers, which that device does not have
        if isinstance(error, NotImplementedError) or "meta" in str(error).lower() or not is_sure:
            return None
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{type(part).__name__} does not take {told}: {reason}") from error
    except (AttributeError, TypeError):  # parts that ask more of their input than to be maps
        return None
    finally:
        for module, mode in modes:
            module.training = mode


def _told(maps: Sequence[Tensor]) -> str:
    shapes = ", ".join(" x ".join(map(str, m.shape[1:])) for m in maps)
    return f"maps of {shapes} (C x h x w)"


def _check_maps(answer: object, part: nn.Module) -> Sequence[Tensor]:
    maps = [answer] if isinstance(answer, Tensor) else answer
    for value in maps:
        if not isinstance(value, Tensor) or value.ndim != 4:
            shape = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(
                f"{type(part).__name__} gives {shape} in place of maps [B, C, h, w]; switch off "
                "its pooling (mmpretrain: out_type='featmap', or gap_before_final_norm=False)"
            )
    return maps


def _check_size(answer: object | None, head: nn.Module) -> None:
    """Compare the heatmaps with those of the decoder."""
    maps = getattr(answer, "heatmaps", answer)
    expected = getattr(getattr(head, "decoder", None), "heatmap_size", None)
    if expected is None or not isinstance(maps, Tensor) or maps.ndim != 4:
        return
    width, height = maps.shape[3], maps.shape[2]
    if (width, height) != tuple(expected):
        raise ValueError(
            f"{type(head).__name__} draws maps of {width} x {height} (w, h), its decoder expects "
            f"{expected[0]} x {expected[1]}; each of deconv_out_channels doubles the last map: "
            "take fewer or more of them, or another map by out_indices of the backbone"
        )
