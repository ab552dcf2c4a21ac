"""The model itself, whose wrapper for several processes hides its methods and names."""

from mmengine.model import is_model_wrapper
from torch import nn


def bare_model(model: nn.Module) -> nn.Module:
    """A model without the wrapper for several processes."""
    return model.module if is_model_wrapper(model) else model
