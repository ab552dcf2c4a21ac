"""What a finished run can tell of itself beside its numbers."""

from typing import Any

import torch
from torch import nn

from .bare_model import bare_model


def facts_of(model: nn.Module) -> dict[str, Any]:
    """Facts of a model that has been trained or tested in this process.

    Args:
        model: one that is made of others may have a method ``facts`` of its own, whose entries
            count.

    Returns:
        ``num_parameters`` and ``num_trainable``, of this process ``peak_gpu_mb`` (10⁶ bytes, None
        without a GPU), and what the model adds.
    """
    model = bare_model(model)
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    facts = {
        "num_parameters": sum(count for count, _ in counts),
        "num_trainable": sum(count for count, is_trainable in counts if is_trainable),
        "peak_gpu_mb": None,
    }
    if torch.cuda.is_available():
        facts["peak_gpu_mb"] = torch.cuda.max_memory_allocated() / 1e6
    own = getattr(model, "facts", None)
    return {**facts, **(own() if callable(own) else {})}
