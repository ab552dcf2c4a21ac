"""How modules of ours tell their settings in ``print(model)``."""

from torch import nn


def settings_repr(module: nn.Module, *names: str) -> str:
    """``name=value`` of attributes of a module, for its ``extra_repr``."""
    return ", ".join(f"{name}={getattr(module, name)!r}" for name in names)


def codec_repr(codec: object | None) -> str:
    """A head's decoder as ``decoder=UDPHeatmap(input_size=(192, 256), ...)``; codecs print less."""
    if codec is None:
        return "decoder=None"
    sizes = [name for name in ("input_size", "heatmap_size") if hasattr(codec, name)]
    told = ", ".join(f"{name}={getattr(codec, name)!r}" for name in sizes)
    return f"decoder={type(codec).__name__}({told})"
