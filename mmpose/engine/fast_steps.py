"""What makes a training step fast, where the config or the machine allows it."""

import logging
from copy import deepcopy
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from .bare_model import bare_model

# where mmdet's detectors and pose models have what is worth compiling
PARTS = ("backbone", "neck", "head", "bbox_head")
FUSED = ("Adagrad", "Adam", "AdamW", "SGD")  # of torch's optimisers


def parts_to_compile(model: nn.Module) -> list[nn.Module]:
    """The parts of a model that are tensors in, tensors out.

    A model names them by a method ``parts_to_compile``; else they are those of :data:`PARTS` that
    it has.

    Raises:
        ValueError: it has none.
    """
    own = getattr(model, "parts_to_compile", None)
    if callable(own):
        return own()
    parts = [
        getattr(model, name) for name in PARTS if isinstance(getattr(model, name, None), nn.Module)
    ]
    if not parts:
        raise ValueError(
            f"compile: {type(model).__name__} has none of {', '.join(PARTS)}; give it a method "
            "parts_to_compile that returns its modules, or leave compile out"
        )
    return parts


def compile_parts(model: nn.Module, settings: bool | dict[str, Any] | None) -> None:
    """Compile a model by ``torch.compile``, part by part, in place.

    mmengine compiles the whole training step, which breaks at every data sample and is compiled
    again for the next. Names of weights do not change.

    Args:
        model: as wrapped for several processes or not.
        settings: True, or arguments of ``torch.compile``; False or None leaves the model alone.

    Raises:
        ValueError: see :func:`parts_to_compile`.
        TypeError: settings of another type.
    """
    if settings is None or settings is False:
        return
    if settings is not True and not isinstance(settings, dict):
        raise TypeError(
            f"compile must be True, False or a dict of torch.compile's arguments, got {settings!r}"
        )
    options = {} if settings is True else dict(settings)
    model = bare_model(model)
    parts = parts_to_compile(model)
    for part in parts:
        # compiled before, as by a validation on its own
        if part._compiled_call_impl is None:
            compile_part(part, **options)
    names = ", ".join(type(part).__name__ for part in parts)
    print_log(f"compiled: {names}; the first steps are slow", logger="current")


def compile_part(part: nn.Module, **options: Any) -> None:
    """Compile one module by ``torch.compile`` when it first runs, in place, names of weights kept.

    Only the first axis of its inputs may change without a translation of its own. torch keeps one
    list of the sizes that it saw for all modules: those of a second part would count as free
    heights and widths, and a backbone of free sizes takes minutes to translate.

    Args:
        part: called with tensors, or tuples and lists of them.
        options: of ``torch.compile``.
    """
    part.compile(**options)
    run = part._compiled_call_impl

    def call(*inputs: Any, **others: Any) -> Any:
        for value in tree_leaves((inputs, others)):
            if isinstance(value, Tensor) and value.ndim > 1:
                torch._dynamo.mark_static(value, list(range(1, value.ndim)))
        return run(*inputs, **others)

    part._compiled_call_impl = call


def lay_out_channels_last(model: nn.Module) -> nn.Module:
    """Weights of convolutions as NHWC, in place; the maps follow them through the model."""
    return model.to(memory_format=torch.channels_last)


def fast_optim_wrapper(settings: dict, device: torch.device) -> dict:
    """A config of an optimiser wrapper as this project runs it.

    Args:
        settings: mmengine's ``OptimWrapper`` and ``AmpOptimWrapper`` in bfloat16 become
            :class:`~mmpose.engine.optim_wrappers.NoWaitOptimWrapper`; others stay.
        device: on a GPU torch's optimisers take one kernel for all weights, ``fused=True``,
            unless the config says how.

    Returns:
        A changed copy.
    """
    settings = deepcopy(settings)
    kind = settings.get("type", "OptimWrapper")
    if kind == "OptimWrapper" or (
        kind == "AmpOptimWrapper" and settings.get("dtype") == "bfloat16"
    ):
        if settings.pop("loss_scale", "dynamic") != "dynamic":
            print_log("loss_scale is left out: bfloat16 needs none", "current", logging.WARNING)
        settings["type"] = "NoWaitOptimWrapper"
    optimizer = settings.get("optimizer")
    asks = isinstance(optimizer, dict) and not {"fused", "foreach"} & set(optimizer)
    if device.type == "cuda" and asks and optimizer.get("type") in FUSED:
        optimizer["fused"] = True
    return settings
